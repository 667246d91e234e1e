"""A leaky bucket: each request fills it, time drains it."""

from __future__ import annotations

from datasync.simulator.rules.base import CRUMB, Limit, Rule, Standing, allowance, standing


class LeakyBucket(Rule):
    """Holds `capacity`; drains `rate` units a second, which may change. Empty in the beginning."""

    def __init__(self, capacity: float, rate: Limit) -> None:
        self._capacity = capacity
        self._rate = allowance(rate)
        self._level = 0.0
        self._seen = 0.0

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether the bucket has room."""
        self._drain(now)
        return self._level + cost <= self._capacity + CRUMB

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:  # noqa: ARG002
        """Pour a request in."""
        self._drain(now)
        self._level += cost

    def standing(self, now: float) -> Standing:
        """Tell the state; the reset is when one more unit fits, the window how long a full bucket drains."""
        self._drain(now)
        rate = self._rate.at(now)
        spare = self._capacity - self._level
        reset = 0.0 if not self._level else max(0.0, 1.0 - spare % 1.0) / rate
        return standing(self._capacity, self._level, reset, self._capacity / rate)

    def loosens_at(self, now: float, cost: float = 1.0) -> float:
        """Give the moment at which the request fits, or the rate changes."""
        self._drain(now)
        over = self._level + cost - self._capacity
        return min(now + max(0.0, over) / self._rate.at(now), self._rate.next_change(now))

    def _drain(self, now: float) -> None:
        while (change := self._rate.next_change(self._seen)) < now:
            self._level -= (change - self._seen) * self._rate.at(self._seen)
            self._seen = change
        self._level = max(0.0, self._level - (now - self._seen) * self._rate.at(self._seen))
        self._seen = now
