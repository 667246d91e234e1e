"""What every kind of limit can be asked. Time is handed in, so that a rule is a plain function of what came before."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from typing import NamedTuple, TypeAlias

CRUMB = 1e-9
"""Units. Fractions add up with errors; what lacks less than this lacks nothing."""


class Standing(NamedTuple):
    """What a rule would tell about itself.

    Attributes:
        limit: units allowed.
        remaining: units left, never below zero.
        reset: seconds until more is allowed than now, 0 when nothing was taken.
        window: seconds; what `limit` counts over.
        used: units taken; more than `limit` where the limit was lowered.
    """

    limit: float
    remaining: float
    reset: float
    window: float
    used: float


class Rule(ABC):
    """One kind of limit. Calls come in the order of time."""

    @abstractmethod
    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether a request that arrives now is let in."""

    @abstractmethod
    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:
        """Count a request that was let in; its answer leaves at `until`."""

    @abstractmethod
    def standing(self, now: float) -> Standing:
        """Tell the state."""

    @abstractmethod
    def loosens_at(self, now: float, cost: float = 1.0) -> float:
        """Give a moment after `now` before which nothing more is let in, if this request isn't let in now."""

    def refused(self, now: float, cost: float = 1.0) -> None:  # noqa: B027 - most rules don't mind
        """Hear of a request that was not let in."""


class Allowance:
    """A limit that may change: `Allowance(40, (630, 20))` is 40 and from second 630 on 20."""

    def __init__(self, limit: float, *changes: tuple[float, float]) -> None:
        self._when = [when for when, _ in changes]
        self._limits = [limit, *(limit for _, limit in changes)]

    def at(self, now: float) -> float:
        """Give the limit in force."""
        return self._limits[bisect_right(self._when, now)]

    def next_change(self, now: float) -> float:
        """Give the first change after `now`, infinity if there is none."""
        index = bisect_right(self._when, now)
        return self._when[index] if index < len(self._when) else math.inf


Limit: TypeAlias = float | Allowance


def allowance(limit: Limit) -> Allowance:
    """Give a number as an allowance that never changes."""
    return limit if isinstance(limit, Allowance) else Allowance(limit)


def standing(limit: float, used: float, reset: float, window: float) -> Standing:
    """Put a standing together; neither rest is negative."""
    return Standing(limit, max(0.0, limit - used), max(0.0, reset), window, used)
