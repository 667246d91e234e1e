"""Three clocks that disagree: the machine's steady one, the machine's wall, and the server's."""

from __future__ import annotations

from collections.abc import Callable

EPOCH = 1_790_000_012.345
"""Epoch seconds at which every run begins; not a round moment."""


class ServerClock:
    """The server's clock, which may be off and run fast.

    Attributes:
        skew: seconds that it is ahead.
        drift: seconds that it gains in a second.
    """

    def __init__(self, skew: float = 0.0, drift: float = 0.0) -> None:
        self.skew = skew
        self.drift = drift

    def at(self, elapsed: float) -> float:
        """Give the server's seconds since the run began."""
        return elapsed * (1 + self.drift)

    def elapsed(self, at: float) -> float:
        """Give the true seconds for the server's; the inverse of `at`."""
        return at / (1 + self.drift)

    def epoch(self, elapsed: float) -> float:
        """Give the server's epoch seconds."""
        return EPOCH + self.skew + self.at(elapsed)


class Machine:
    """The clocks of the machine that the client runs on.

    While it is suspended its steady clock stands still, and the world goes on (CLOCK_MONOTONIC on Linux).
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self.steady = steady
        self._began = steady()
        self._suspended = 0.0
        self._stepped = 0.0

    def elapsed(self) -> float:
        """Give the true seconds since the run began."""
        return self.steady() - self._began + self._suspended

    def wall(self) -> float:
        """Give the machine's own epoch seconds."""
        return EPOCH + self.elapsed() + self._stepped

    def suspend(self, seconds: float) -> None:
        """Let the world go on without this machine."""
        self._suspended += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock ahead, or back."""
        self._stepped += seconds
