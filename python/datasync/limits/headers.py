"""Rate-limit headers of an answer. Nothing here raises: a header that can't be read is absent."""

from collections.abc import Iterator, Mapping
from itertools import islice

import msgspec

from datasync.limits import families, special, structured
from datasync.limits.claims import Claim
from datasync.limits.memory import ResetMemory
from datasync.limits.names import MAX_NAME, Field, field
from datasync.limits.quota import Quota
from datasync.limits.receipt import Receipt
from datasync.limits.reset import read_reset
from datasync.limits.values import FOREVER, lines, number, numbers, readable

MAX_QUOTAS = 32
"""Quotas of one answer; the rest is ignored."""

_WAITS = ("retry-after", "x-ratelimit-retry-after")
_WAIT_MILLISECONDS = "retry-after-ms"  # Azure and OpenAI


def quotas(
    headers: Mapping[str, str], *, sent: float, received: float, wall: float, memory: ResetMemory | None = None
) -> list[Quota]:
    """Read every budget that an answer shows.

    Where lines of a header are repeated the most restrictive counts. A cached answer shows what another request was
    told, and is ignored (draft-ietf-httpapi-ratelimit-headers).

    Args:
        headers: names in lower case, repeated lines joined by a comma.
        sent: monotonic seconds, when the request went out.
        received: monotonic seconds, when the answer came.
        wall: our wall clock at receipt, seconds since 1970. It counts only where a reset is a moment and the answer
            has no `Date`.
        memory: of the endpoint; without it a number that could mean several things stays uncertain.
    """
    if _cached(headers):
        return []
    receipt = Receipt(sent, received, wall, headers.get("date"))
    memory = ResetMemory() if memory is None else memory
    found = (_quota(claim, headers, receipt, memory) for claim in islice(_claims(headers), MAX_QUOTAS))
    return [quota for quota in found if quota]


def retry_after(headers: Mapping[str, str], *, wall: float) -> float | None:
    """Read how many seconds a refused answer tells to wait, or give None.

    It is a number of seconds or an HTTP date (RFC 9110 10.2.3), against the answer's own `Date`. Fractions, durations,
    milliseconds under a name of their own and moments since 1970 are sent too. Of several the longest counts.

    Args:
        headers: see quotas.
        wall: see quotas.
    """
    receipt = Receipt(0.0, 0.0, wall, headers.get("date"))
    waits: list[float] = []
    for name in _WAITS:
        value = headers.get(name)
        if value and readable(value):
            resets = (read_reset(text, seconds=True) for text in lines(value))
            waits += [left[0] for reset in resets if reset and (left := reset.left(receipt))]
    value = headers.get(_WAIT_MILLISECONDS)
    if value and readable(value):
        waits += [wait / 1000 for wait in numbers(value) if wait / 1000 <= FOREVER]
    return max(waits, default=None)


def _cached(headers: Mapping[str, str]) -> bool:
    age = headers.get("age")
    if age and number(age):
        return True
    # `HIT`, `Hit from cloudfront`, `MISS, HIT`, `TCP_HIT from a.example`
    words = (cache.split(maxsplit=1) for cache in headers.get("x-cache", "").lower().split(","))
    return any(word[0].endswith("hit") for word in words if word)


def _claims(headers: Mapping[str, str]) -> Iterator[Claim]:
    fields: list[tuple[Field, str]] = []
    for name, value in headers.items():
        # Nearly all headers end here.
        if "limit" not in name or len(name) > MAX_NAME or not readable(value):
            continue
        if name in ("ratelimit", "ratelimit-policy"):
            continue
        if read := special.reader(name):
            yield from read(value)
        elif known := field(name):
            fields.append((known, value))
    # A policy beside the older trio is the trio's.
    if "ratelimit" in headers or ("ratelimit-policy" in headers and "ratelimit-limit" not in headers):
        yield from structured.claims(headers)
    if fields:
        yield from families.claims(fields, headers)


def _quota(claim: Claim, headers: Mapping[str, str], receipt: Receipt, memory: ResetMemory) -> Quota | None:
    """Add the reset to a claim, or give None if it says nothing."""
    quota, reset = claim.quota, claim.reset
    remaining, certain = quota.remaining, True
    if remaining is not None and quota.limit is not None and remaining > quota.limit:
        remaining, certain = quota.limit, False
    window, interval = quota.window, None
    bucket = quota.bucket[:MAX_NAME]
    if reset:
        told = None if reset.clear else retry_after(headers, wall=receipt.wall)
        known = memory.read(
            (quota.source, quota.unit, bucket),
            reset,
            receipt,
            remaining=remaining,
            told=told,
            narrow=not quota.full,
        )
        interval, window, certain = known.interval, window or known.window, certain and known.certain
    if quota.limit is None and remaining is None and quota.rate is None and interval is None:
        return None
    return msgspec.structs.replace(
        quota, bucket=bucket, remaining=remaining, window=window, reset=interval, certain=certain
    )
