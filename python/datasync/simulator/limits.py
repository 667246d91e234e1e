"""Rate limits as the API keeps them: a sliding log of requests for each endpoint, with its headers.

Other kinds of limits can be asked for, to try a client against an API that counts in another way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from datasync.simulator.rules import AlignedWindow, AnchoredWindow, LeakyBucket, Rule, SlidingCounter, SlidingLog

#: Epoch seconds; injected, so that tests need not wait.
Clock = Callable[[], float]

# Requests that an endpoint allows for each one that the list allows: 10, 20, 40, 30 and about 45 in 60 s.
SHARES = {"events": 1.0, "bulk": 2.0, "sessions": 4.0, "metrics": 3.0, "feed": 4.5}

#: How a limit may count; the bucket holds `limit` and drains in one window.
KINDS: dict[str, Callable[[int, float], Rule]] = {
    "sliding": SlidingLog,
    "anchored": AnchoredWindow,
    "aligned": AlignedWindow,
    "counter": SlidingCounter,
    "bucket": lambda limit, window: LeakyBucket(limit, limit / window),
}


class Plan(NamedTuple):
    """At most `limit` requests in `window` seconds, counted as `kind` says."""

    limit: int
    window: float
    kind: str = "sliding"

    def rule(self, share: float = 1.0) -> Rule:
        """Make the rule, of a share of the limit; at least one request is allowed."""
        return KINDS[self.kind](max(1, int(self.limit * share)), self.window)


def parse_plan(text: str) -> Plan | None:
    """Read `N/SECONDS`, `N/SECONDS:KIND`, or `none` for no limit.

    Raises:
        ValueError: The text is none of them.
    """
    if text == "none":
        return None
    numbers, _, kind = text.partition(":")
    number, _, seconds = numbers.partition("/")
    try:
        plan = Plan(int(number), float(seconds), kind or "sliding")
    except ValueError as error:
        raise ValueError(f"rate-limit must read `N/SECONDS[:KIND]` or `none`, got `{text}`") from error
    if plan.limit < 1 or not 0 < plan.window < math.inf:
        raise ValueError(f"rate-limit must be above zero, got `{text}`")
    if plan.kind not in KINDS:
        raise ValueError(f"rate-limit must be of the kind {', '.join(KINDS)}, got `{text}`")
    return plan


class Quota(NamedTuple):
    """Where one request stands.

    Attributes:
        limit: Requests allowed in a window.
        remaining: Requests left now.
        reset: Whole seconds, rounded up, until the oldest slot frees.
        refused: This request was one too many.
    """

    limit: int
    remaining: int
    reset: int
    refused: bool

    def headers(self) -> dict[str, str]:
        """Give the rate headers of an answer."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }
        if self.refused:
            headers["Retry-After"] = str(self.reset)
        return headers


class Meter:
    """One rule on one clock."""

    def __init__(self, rule: Rule, clock: Clock, *, count_refused: bool) -> None:
        self._rule = rule
        self._clock = clock
        self._count_refused = count_refused

    def take(self) -> Quota:
        """Take a slot, or be refused; a refused request takes one only where the API counts those."""
        now = self._clock()
        refused = not self._rule.admits(now)
        if not refused or self._count_refused:
            self._rule.take(now)
        told = self._rule.standing(now)
        return Quota(int(told.limit), math.floor(told.remaining), math.ceil(told.reset), refused)


class Limits:
    """The separate limits of the endpoints, or none at all."""

    def __init__(self, plan: Plan | None, clock: Clock, *, count_refused: bool = False) -> None:
        self._meters: dict[str, Meter] = {}
        if plan is None:
            return
        for endpoint, share in SHARES.items():
            self._meters[endpoint] = Meter(plan.rule(share), clock, count_refused=count_refused)

    def take(self, endpoint: str) -> Quota | None:
        """Take a slot of an endpoint; None where it has no limit."""
        meter = self._meters.get(endpoint)
        return meter.take() if meter else None
