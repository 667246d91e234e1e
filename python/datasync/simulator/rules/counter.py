"""A sliding-window counter: the last window's count, weighted by how much of it is still in view, plus this one's."""

from __future__ import annotations

import math

from datasync.simulator.rules.base import CRUMB, Rule, Standing, standing


class SlidingCounter(Rule):
    """Two counts instead of a log, as many gateways keep them; a burst at the edge weighs on for a whole window."""

    def __init__(self, limit: float, window: float) -> None:
        self._limit = limit
        self._window = window
        self._index = -1
        self._last = 0.0
        self._current = 0.0

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether the weighted count has room."""
        return self._count(now) + cost <= self._limit + CRUMB

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:  # noqa: ARG002
        """Count a request."""
        self._turn(now)
        self._current += cost

    def standing(self, now: float) -> Standing:
        """Tell the state in whole requests; the reset is when one more is allowed."""
        count = self._count(now)
        whole = math.ceil(count - CRUMB)
        return standing(self._limit, whole, self._falls_to(whole - 1, now) - now if whole else 0.0, self._window)

    def loosens_at(self, now: float, cost: float = 1.0) -> float:
        """Give the moment at which the weighted count has fallen enough."""
        return self._falls_to(self._limit - cost, now)

    def _falls_to(self, count: float, now: float) -> float:
        self._turn(now)
        end = (self._index + 1) * self._window
        if self._last and count >= self._current:
            # last * (1 - share of this window that is over) + current = count
            return end - self._window * (count - self._current) / self._last
        # In the next window this one's count is the last one's.
        return end + self._window * (1 - count / self._current)

    def _count(self, now: float) -> float:
        self._turn(now)
        over = now / self._window - self._index
        return self._last * (1 - over) + self._current

    def _turn(self, now: float) -> None:
        index = math.floor(now / self._window)
        if index != self._index:
            self._last = self._current if index == self._index + 1 else 0.0
            self._current = 0.0
            self._index = index
