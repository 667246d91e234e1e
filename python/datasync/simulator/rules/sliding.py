"""A sliding log: at most so much in any window, wherever it begins."""

from __future__ import annotations

from collections import deque

from datasync.simulator.rules.base import Limit, Rule, Standing, allowance, standing


class SlidingLog(Rule):
    """Remembers each request for one window. The reset is when the oldest one is forgotten."""

    def __init__(self, limit: Limit, window: float) -> None:
        self._allowance = allowance(limit)
        self._window = window
        self._taken: deque[tuple[float, float]] = deque()
        self._used = 0.0

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether the window up to now has room."""
        self._forget(now)
        return self._used + cost <= self._allowance.at(now)

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:  # noqa: ARG002
        """Remember a request."""
        self._forget(now)
        self._taken.append((now, cost))
        self._used += cost

    def standing(self, now: float) -> Standing:
        """Tell the state."""
        self._forget(now)
        reset = self._taken[0][0] + self._window - now if self._taken else 0.0
        return standing(self._allowance.at(now), self._used, reset, self._window)

    def loosens_at(self, now: float, cost: float = 1.0) -> float:
        """Give the moment at which enough is forgotten, or the limit changes."""
        self._forget(now)
        over = self._used + cost - self._allowance.at(now)
        change = self._allowance.next_change(now)
        for when, size in self._taken:
            over -= size
            if over <= 0:
                return min(when + self._window, change)
        return change

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0][0] + self._window <= now:
            self._used -= self._taken.popleft()[1]
