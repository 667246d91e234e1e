"""How much of what was allowed was used."""

import math
from typing import Final

SHORTEST: Final = 0.001
"""Seconds. What is told as a shorter window is none."""


class Usage:
    """Counts requests against what the windows since the first of them allowed."""

    def __init__(self) -> None:
        self._began = -math.inf
        self._allowed = 0.0
        self._accepted = 0

    def accepted(self, now: float, limit: float, window: float) -> None:
        """Count a request that was let in, and the windows that have begun by now, of that limit and length."""
        if not (0 < limit < math.inf and SHORTEST <= window < math.inf):
            return
        if math.isinf(self._began):
            self._began, self._allowed = now, limit
        windows = math.floor((now - self._began) / window)
        self._began += windows * window
        self._allowed += windows * limit
        self._accepted += 1

    def absorb(self, other: "Usage") -> None:
        """Count what `other` counted against the same windows."""
        self._accepted += other._accepted  # noqa: SLF001

    @property
    def share(self) -> float | None:
        """The share that was used as of the last request, None while no window is known."""
        return min(1.0, self._accepted / self._allowed) if self._allowed else None
