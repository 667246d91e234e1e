"""Which answers are refusals by a limit, and what such an answer says besides its rate headers."""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from datasync.limits.body import at, codes, decode, errors, messages
from datasync.limits.headers import quotas, retry_after
from datasync.limits.quota import Quota
from datasync.limits.receipt import Receipt
from datasync.limits.reset import read_reset
from datasync.limits.values import FOREVER

Kind: TypeAlias = Literal["rate", "concurrency", "daily", "overload"]

CHEAP = 4096
"""Bytes of a successful answer that may be a refusal in disguise. Larger ones are data and are not looked at."""

_DISGUISED = re.compile(rb"THROTTLED|RATELIMITED|ratelimited")

_LIMIT_CODES = frozenset(
    {
        "ratelimited",  # Linear, Slack
        "ratelimit",
        "ratelimitexceeded",  # Google
        "userratelimitexceeded",
        "ratelimiterror",
        "throttled",  # Shopify
        "throttlingexception",  # AWS
        "throttling",
        "toomanyrequests",
        "toomanyrequestsexception",
        "requestlimitexceeded",  # Salesforce
        "dailylimitexceeded",  # Google
        "quotaexceeded",  # Google, and the IETF's problem type
        "resourceexhausted",
        "temporaryreducedcapacity",  # the IETF's problem types
        "abnormalusagedetected",
    }
)
_NO_LIMIT_CODES = frozenset({"locktimeout"})  # Stripe: two writers met, the rate is not the point
_DAILY_CODES = frozenset({"requestlimitexceeded", "dailylimitexceeded", "daily", "day"})
_OVERLOAD_CODES = frozenset({"temporaryreducedcapacity", "overloadederror"})

_REASONS = ("stripe-rate-limited-reason", "ratelimit-reason", "x-rate-limit-problem")
"""Headers that say which limit it was: Stripe, Jira, Xero."""

_TWILIO_CONCURRENCY = "20429"


class Refusal(msgspec.Struct, frozen=True):
    """What a refused answer says.

    Attributes:
        kind: `concurrency`: fewer at once, pacing doesn't help, and rate headers of this answer may speak of requests
            in flight (Okta's do). `daily`: a quota of a day or longer is used up. `overload`: the server has less to
            give than usual; it is waited for and counted as `rate` is. `rate`: everything else.
        retry_after: seconds to wait, by header or body, the longer one.
        quota: what the body says of the budget.
        reason: the limit's own name, for people; "" if none is told.
    """

    kind: Kind
    retry_after: float | None = None
    quota: Quota | None = None
    reason: str = ""


def is_limit_signal(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether an answer is a refusal by a limit: wait as told, and don't count it as a failure.

    - 429, whatever its body; but Stripe's `lock_timeout` is a collision of two writers.
    - 403 as GitHub and Reddit do it: nothing remains, a `Retry-After` even if blank, or a message of a rate limit.
    - Any 4xx whose body has the code of a limit: Linear and AWS send 400, Salesforce and Google 403.
    - 503 and 529 that say when to come back, or have the code of a limit: Notion's 529, the IETF's 503. Without, they
      are a server in trouble, for the retry budget.
    - 2xx that are errors in disguise: Shopify's and Linear's GraphQL, Slack's `ok: false`. Only bodies of at most
      `CHEAP` bytes are searched, and only those are parsed that have one of the words.
    """
    if status == 429:
        return _NO_LIMIT_CODES.isdisjoint(codes(decode(body)))
    if 200 <= status < 300:
        return len(body) <= CHEAP and bool(_DISGUISED.search(body)) and _is_disguised(decode(body))
    if not (400 <= status < 500 or status in (503, 529)):
        return False
    document = decode(body)
    if not _LIMIT_CODES.isdisjoint(codes(document)):
        return True
    if status == 403:
        return "retry-after" in headers or "rate limit" in messages(document) or _exhausted(headers)
    return status in (503, 529) and retry_after(headers, wall=0.0) is not None


def refusal_hints(headers: Mapping[str, str], body: bytes, *, wall: float) -> Refusal:
    """Read what kind of limit refused, and how long it says to wait.

    Args:
        headers: see quotas.
        body: of the refused answer.
        wall: see quotas.
    """
    document = decode(body)
    found = codes(document)
    reason = next((headers[name][:100] for name in _REASONS if name in headers), "")
    quota, wait = _shopify(document)
    waits = [wait, retry_after(headers, wall=wall), *_body_waits(document)]
    return Refusal(
        _kind(headers, reason.lower(), found, messages(document)),
        max((one for one in waits if one is not None), default=None),
        quota,
        reason,
    )


def _kind(headers: Mapping[str, str], reason: str, found: list[str], text: str) -> Kind:
    if any("concurren" in word for word in (reason, text, *found)):
        return "concurrency"
    if _TWILIO_CONCURRENCY in found and "twilio-concurrent-requests" in headers:
        return "concurrency"
    if not _OVERLOAD_CODES.isdisjoint(found):
        return "overload"
    if reason.startswith("da") or not _DAILY_CODES.isdisjoint(found) or any("perday" in code for code in found):
        return "daily"
    return "daily" if "daily" in text or "per day" in text else "rate"


def _exhausted(headers: Mapping[str, str]) -> bool:
    return any(quota.remaining == 0 for quota in quotas(headers, sent=0.0, received=0.0, wall=0.0))


def _is_disguised(document: Any) -> bool:
    if at(document, "ok") is False and at(document, "error") == "ratelimited":
        return True
    listed = at(document, "errors")
    return isinstance(listed, list) and any(
        at(one, "extensions", "code") in ("THROTTLED", "RATELIMITED") for one in listed
    )


def _body_waits(document: Any) -> list[float | None]:
    waits = [_seconds(at(document, *path)) for path in (("retry_after",), ("retryAfter",), ("rateLimit", "retryAfter"))]
    # google.rpc.RetryInfo says it as text, such as 12s.
    return waits + [_seconds(error.get("retryDelay")) for error in errors(document)]


def _seconds(value: object) -> float | None:
    """Read a wait in a body: a number, or text as in a header."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    reset = read_reset(str(value).strip(), seconds=True)
    left = reset.left(Receipt(0.0, 0.0, 0.0, None)) if reset and not reset.absolute else None
    return left[0] if left else None


def _shopify(document: Any) -> tuple[Quota | None, float | None]:
    """Read GraphQL's `throttleStatus`, and how long until this query can be paid for."""
    cost = at(document, "extensions", "cost")
    status = at(cost, "throttleStatus")
    limit, available, rate = (
        _amount(at(status, key)) for key in ("maximumAvailable", "currentlyAvailable", "restoreRate")
    )
    if available is None:
        return None, None
    quota = Quota("", "cost", limit or None, available, rate=rate or None, source="shopify")
    asked = _amount(at(cost, "requestedQueryCost"))
    return quota, max(0.0, asked - available) / rate if asked is not None and rate else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= FOREVER else None
