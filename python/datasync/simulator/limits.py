"""Rate limits as the API keeps them: a sliding log of requests for each endpoint, with its headers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

#: Epoch seconds; injected, so that tests need not wait.
Clock = Callable[[], float]

# Requests that an endpoint allows for each one that the list allows: 10, 20, 40, 30 and about 45 in 60 s.
SHARES = {"events": 1.0, "bulk": 2.0, "sessions": 4.0, "metrics": 3.0, "feed": 4.5}


class Rule(NamedTuple):
    """At most `limit` requests in any `window` seconds."""

    limit: int
    window: float


def parse_rule(text: str) -> Rule | None:
    """Read `N/SECONDS`, or `none` for no limit.

    Raises:
        ValueError: The text is neither.
    """
    if text == "none":
        return None
    number, _, seconds = text.partition("/")
    try:
        rule = Rule(int(number), float(seconds))
    except ValueError as error:
        raise ValueError(f"rate-limit must read `N/SECONDS` or `none`, got `{text}`") from error
    if rule.limit < 1 or not 0 < rule.window < math.inf:
        raise ValueError(f"rate-limit must be above zero, got `{text}`")
    return rule


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


class SlidingLog:
    """The times of the requests in the last window."""

    def __init__(self, rule: Rule, clock: Clock, *, count_refused: bool) -> None:
        self._rule = rule
        self._clock = clock
        self._count_refused = count_refused
        self._taken: deque[float] = deque()

    def take(self) -> Quota:
        """Take a slot, or be refused; a refused request takes one only where the API counts those."""
        now = self._clock()
        taken, (limit, window) = self._taken, self._rule
        while taken and taken[0] + window <= now:
            taken.popleft()
        refused = len(taken) >= limit
        if not refused or self._count_refused:
            taken.append(now)
        reset = math.ceil(taken[0] + window - now)
        return Quota(limit, max(0, limit - len(taken)), reset, refused)


class Limits:
    """The separate logs of the endpoints, or none at all."""

    def __init__(self, rule: Rule | None, clock: Clock, *, count_refused: bool = False) -> None:
        self._logs: dict[str, SlidingLog] = {}
        if rule is None:
            return
        for endpoint, share in SHARES.items():
            scaled = Rule(max(1, int(rule.limit * share)), rule.window)
            self._logs[endpoint] = SlidingLog(scaled, clock, count_refused=count_refused)

    def take(self, endpoint: str) -> Quota | None:
        """Take a slot of an endpoint; None where it has no limit."""
        log = self._logs.get(endpoint)
        return log.take() if log else None
