"""A limit on requests at a time, whatever their rate."""

from __future__ import annotations

import math
from heapq import heappop, heappush

from datasync.simulator.rules.base import Rule, Standing, standing


class Concurrency(Rule):
    """A request counts from its arrival until its answer is delivered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ends: list[float] = []

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether a place is free."""
        self._leave(now)
        return len(self._ends) + cost <= self._limit

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:  # noqa: ARG002
        """Take a place until `until`."""
        self._leave(now)
        heappush(self._ends, math.inf if until is None else until)

    def standing(self, now: float) -> Standing:
        """Tell the state; there is no window."""
        self._leave(now)
        return standing(self._limit, len(self._ends), self._ends[0] - now if self._ends else 0.0, 0.0)

    def loosens_at(self, now: float, cost: float = 1.0) -> float:  # noqa: ARG002
        """Give the moment at which the first place is left."""
        self._leave(now)
        return self._ends[0] if self._ends else math.inf

    def _leave(self, now: float) -> None:
        while self._ends and self._ends[0] <= now:
            heappop(self._ends)
