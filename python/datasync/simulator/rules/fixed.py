"""Fixed windows: a count that starts anew, at the first request or by the clock."""

from __future__ import annotations

import math
from abc import abstractmethod

from datasync.simulator.rules.base import Limit, Rule, Standing, allowance, standing


class _FixedWindow(Rule):
    def __init__(self, limit: Limit, window: float) -> None:
        self._allowance = allowance(limit)
        self._window = window
        self._ends = -math.inf
        self._used = 0.0

    @abstractmethod
    def _end_of(self, now: float) -> float:
        """Give the end of the window that a request at `now` would open."""

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether the window has room."""
        self._turn(now)
        return self._used + cost <= self._allowance.at(now)

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:  # noqa: ARG002
        """Count a request; the first one opens a window."""
        self._turn(now)
        if self._ends == -math.inf:
            self._ends = self._end_of(now)
        self._used += cost

    def standing(self, now: float) -> Standing:
        """Tell the state; the reset is the window's end."""
        self._turn(now)
        reset = self._ends - now if self._used else 0.0
        return standing(self._allowance.at(now), self._used, reset, self._window)

    def loosens_at(self, now: float, cost: float = 1.0) -> float:  # noqa: ARG002
        """Give the window's end, or the moment at which the limit changes."""
        self._turn(now)
        change = self._allowance.next_change(now)
        return min(self._ends, change) if self._ends > now else change

    def _turn(self, now: float) -> None:
        if now >= self._ends:
            self._ends = -math.inf
            self._used = 0.0


class AnchoredWindow(_FixedWindow):
    """The first request opens a window, which ends so many seconds later; the next request opens another."""

    def _end_of(self, now: float) -> float:
        return now + self._window


class AlignedWindow(_FixedWindow):
    """Windows begin where the clock is a multiple of their length, plus `offset`."""

    def __init__(self, limit: Limit, window: float, offset: float = 0.0) -> None:
        super().__init__(limit, window)
        self._offset = offset

    def _end_of(self, now: float) -> float:
        end = (math.floor((now - self._offset) / self._window) + 1) * self._window + self._offset
        return end if end > now else end + self._window  # where the division was rounded up
