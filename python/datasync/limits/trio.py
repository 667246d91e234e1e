"""Rate-limit headers of an answer. Nothing here raises: a header that can't be read is absent."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

MAX_WAIT = 15 * 60.0
"""Seconds. A longer wait asked for by a header is taken as this one."""


_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_EPOCH = 1e9
"""No API lets wait 30 years: a larger reset is a moment, in seconds since 1970."""


class Quota(msgspec.Struct, frozen=True):
    """What an answer says about the budget.

    Attributes:
        limit: requests per window.
        remaining: requests left now.
        reset: seconds until more are allowed.
    """

    limit: int
    remaining: int
    reset: float


def quota(headers: Mapping[str, str]) -> Quota | None:
    """Read `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds left), or give None.

    A cached answer's headers are stale and ignored (IETF httpapi ratelimit-headers draft, section on caching).
    """
    if headers.get("x-cache", "").upper().startswith("HIT") or _number(headers.get("age")):
        return None
    limit = _number(headers.get("x-ratelimit-limit"))
    remaining = _number(headers.get("x-ratelimit-remaining"))
    reset = _number(headers.get("x-ratelimit-reset"))
    if limit is None or remaining is None or reset is None:
        return None
    if reset > _EPOCH:
        reset = max(0.0, reset - _now(headers.get("date")).timestamp())
    return Quota(int(limit), int(remaining), min(reset, MAX_WAIT))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`, a number of seconds or an HTTP date (RFC 9110 10.2.3), against the answer's own `Date`."""
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _until(value, headers.get("date"))
    if seconds is None:
        return None
    return min(seconds, MAX_WAIT)


def _number(value: str | None) -> float | None:
    # Not float() alone: it takes `1_0`, `infinity` and digits of other scripts.
    if not value or not _NUMBER.fullmatch(value.strip()):
        return None
    return float(value)


def _until(when: str, date: str | None) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(when) - _now(date)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # TypeError: one has a zone, the other none
        return None


def _now(date: str | None) -> datetime:
    """The answer's own clock where it tells, else ours."""
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return datetime.now(UTC)
