"""How long one answer is waited for."""

from collections import deque
from typing import Final

from datasync.config.schema import HttpSettings

WINDOW: Final = 5.0
"""Seconds over which the rate of a body is judged."""


class Pace:
    """The moment at which an answer is given up, moved on by each byte that arrives. Pure: the caller has the clock.

    Three rules, because no single number fits both an answer that never begins and a large page on a slow link:
    `timeout` bounds the time to the first byte of the body; from then on any `WINDOW` seconds must bring `min_rate`
    bytes a second; `total_timeout` bounds it all.

    Attributes:
        until: give up at this time, if nothing more arrives before.
        reason: which rule that is, for an error message.
    """

    def __init__(self, limits: HttpSettings, now: float) -> None:
        self._limits = limits
        self._end = now + limits.total_timeout
        self._need = limits.min_rate * WINDOW
        # The latest parts that together are enough; the first one decides when they no longer are.
        self._parts: deque[tuple[float, float]] = deque()
        self._size = 0.0
        self.until = min(now + limits.timeout, self._end)
        self.reason = f"no answer within {min(limits.timeout, limits.total_timeout):g} s"

    def rest(self, seconds: float) -> None:
        """Leave out a time in which nobody read."""
        self._end += seconds
        self._parts = deque((moment + seconds, size) for moment, size in self._parts)

    def arrived(self, size: int, now: float) -> None:
        """Take a part of the body into account."""
        if not self._parts:
            # Before the first byte there was no rate: as if just enough had come.
            self._parts.append((now, self._need))
            self._size = self._need
        self._parts.append((now, size))
        self._size += size
        while len(self._parts) > 1 and self._size - self._parts[0][1] >= self._need:
            self._size -= self._parts.popleft()[1]
        self.until = self._parts[0][0] + WINDOW
        self.reason = f"the answer came slower than {self._limits.min_rate:,g} bytes/s"
        if self._end <= self.until:
            self.until = self._end
            self.reason = f"no complete answer within {self._limits.total_timeout:g} s"
