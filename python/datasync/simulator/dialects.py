"""How APIs tell their limits: a standing becomes headers, in the dialects that are met in the field."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple, TypeAlias

from datasync.simulator.rules import Standing

Headers: TypeAlias = dict[str, str]


class Told(NamedTuple):
    """What there is to tell in one answer.

    Attributes:
        standings: of the request's limits by name, the tightest first.
        now: the server's clock in epoch seconds.
        refused: the request was refused.
        cost: what the request cost.
    """

    standings: Mapping[str, Standing]
    now: float
    refused: bool
    cost: float = 1.0

    @property
    def first(self) -> Standing:
        """Give the tightest limit."""
        return next(iter(self.standings.values()))


Dialect: TypeAlias = Callable[[Told], Headers]
Encode: TypeAlias = Callable[[float, float], str]
"""Writes a moment so many seconds ahead; the second argument is the server's clock."""


def http_date(moment: float) -> str:
    """Write epoch seconds as an IMF-fixdate (RFC 9110 5.6.7), whole seconds, rounded down."""
    return format_datetime(datetime.fromtimestamp(math.floor(moment), UTC), usegmt=True)


def go_duration(seconds: int) -> str:
    """Write whole seconds as Go prints a duration: `1h2m3s`, `6m0s`, `5s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


#: One moment in the encodings of `Reset`, all rounded up to the second.
ENCODINGS: dict[str, Encode] = {
    "delta s": lambda ahead, _: str(math.ceil(ahead)),
    "epoch s": lambda ahead, now: str(math.ceil(now + ahead)),
    "epoch ms": lambda ahead, now: str(math.ceil(now + ahead) * 1000),
    "delta ms": lambda ahead, _: str(math.ceil(ahead) * 1000),
    "ISO 8601": lambda ahead, now: _iso(math.ceil(now + ahead)),
    "Go duration": lambda ahead, _: go_duration(math.ceil(ahead)),
    "HTTP-date": lambda ahead, now: http_date(math.ceil(now + ahead)),
}


def delta_floor(ahead: float, _: float) -> str:
    """Write whole seconds, rounded down: the last second reads 0."""
    return str(math.floor(ahead))


def trio(reset: Encode, retry_after: Encode | None = None, prefix: str = "X-RateLimit-") -> Dialect:
    """Limit, Remaining and Reset, and `Retry-After` in a refusal.

    Args:
        reset: writes Reset.
        retry_after: writes Retry-After; whole seconds rounded up if absent.
        prefix: of the three names.
    """
    after = retry_after or ENCODINGS["delta s"]

    def tell(told: Told) -> Headers:
        standing = told.first
        headers = {
            f"{prefix}Limit": f"{standing.limit:.0f}",
            f"{prefix}Remaining": f"{math.floor(standing.remaining)}",
            f"{prefix}Reset": reset(standing.reset, told.now),
        }
        if told.refused:
            headers["Retry-After"] = after(standing.reset, told.now)
        return headers

    return tell


#: Whole seconds until the oldest slot frees, rounded up; Retry-After says the same.
datasync = trio(ENCODINGS["delta s"])


def structured(told: Told) -> Headers:
    """Write the pair of the IETF draft, one item a policy (RFC 9651 lists), and Retry-After in a refusal."""
    policies = [f'"{name}";q={limit.limit:.0f};w={limit.window:.0f}' for name, limit in told.standings.items()]
    states = [
        f'"{name}";r={math.floor(limit.remaining)};t={math.ceil(limit.reset)}' for name, limit in told.standings.items()
    ]
    headers = {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}
    if told.refused:
        headers["Retry-After"] = str(math.ceil(told.first.reset))
    return headers


def used_of_limit(told: Told) -> Headers:
    """Write used/limit of a leaky bucket as Shopify does, and a decimal Retry-After in a refusal."""
    standing = told.first
    headers = {"X-Shopify-Shop-Api-Call-Limit": f"{math.ceil(standing.used)}/{standing.limit:.0f}"}
    if told.refused:
        headers["Retry-After"] = f"{math.ceil(standing.reset):.1f}"
    return headers


def tokens(told: Told) -> Headers:
    """Write a currency other than requests, its reset as a Go duration, and what this request cost."""
    standing = told.first
    headers = {
        "X-RateLimit-Limit-Tokens": f"{standing.limit:.0f}",
        "X-RateLimit-Remaining-Tokens": f"{math.floor(standing.remaining)}",
        "X-RateLimit-Reset-Tokens": go_duration(math.ceil(standing.reset)),
        "X-Request-Cost": f"{told.cost:.0f}",
    }
    if told.refused:
        headers["Retry-After"] = str(math.ceil(standing.reset))
    return headers


def retry_after_only(told: Told) -> Headers:
    """Write nothing but Retry-After in a refusal."""
    return {"Retry-After": str(math.ceil(told.first.reset))} if told.refused else {}


def nothing(_: Told) -> Headers:
    """Write nothing."""
    return {}
