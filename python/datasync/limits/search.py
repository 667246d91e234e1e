"""A limit that nothing tells of: searched for by going faster until refused, and then staying just below."""

import math
from collections import deque
from typing import Final

LESS: Final = 0.9
"""Of the rate that was refused."""

GROWTH: Final = 0.02
"""Of the cubic curve, in requests a second per cubed second."""

LEAST: Final = 1 / 60
"""Requests a second, however often they are refused."""

MEASURE: Final = 1.0
"""Seconds over which the rate that was accepted is measured."""


class Search:
    """Evenly spaced requests at a rate that follows a cubic curve (RFC 9438, as TCP does it for bytes).

    After a refusal the rate falls below what was just accepted. It comes back quickly to near where it was refused,
    stays there for a while, and then goes beyond faster and faster. Nothing is held back before the first refusal.
    """

    def __init__(self) -> None:
        self._rate = math.inf
        self._peak = math.inf  # the rate that was refused
        self._turned_at = 0.0
        self._next_at = -math.inf
        self._refused_at = -math.inf
        self._accepted: deque[float] = deque()

    @property
    def known(self) -> bool:
        """A refusal came."""
        return not math.isinf(self._peak)

    def delay(self, now: float) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._next_at - now) if self.known else 0.0

    def sent(self, now: float) -> None:
        """Count a request that goes out."""
        if self.known:
            self._next_at = max(now, self._next_at) + 1 / self._now(now)

    def answered(self, now: float) -> None:
        """Count a request that was accepted."""
        self._accepted.append(now)
        self._forget(now)

    def refused(self, now: float, sent: float) -> None:
        """Go slower, after a refusal of a request that was sent then. Those on their way with it are the same news."""
        if sent <= self._refused_at:
            return
        self._refused_at = now
        self._forget(now)
        accepted = len(self._accepted) / MEASURE
        before = self._now(now) if self.known else math.inf
        # Much less was accepted than was tried: the limit has fallen.
        self._peak = max(LEAST, min(before, accepted) if accepted else min(before, 1.0) * LESS**3)
        self._turned_at = now
        self._next_at = now + 1 / self._now(now)

    def _now(self, now: float) -> float:
        turn = math.cbrt(self._peak * (1 - LESS) / GROWTH)
        return max(LEAST, GROWTH * (now - self._turned_at - turn) ** 3 + self._peak)

    def _forget(self, now: float) -> None:
        while self._accepted and self._accepted[0] <= now - MEASURE:
            self._accepted.popleft()


class Start:
    """The first requests to an API that says nothing of limits: one at a time, and then twice as many each round.

    Only so a limit is found by one refusal, and not by as many as are in flight.
    """

    CAREFUL_REQUESTS: Final = 64
    CAREFUL_SECONDS: Final = 20.0

    def __init__(self) -> None:
        self.limit: float = 1
        self._began: float | None = None
        self._answers = 0
        self._round = 0

    def answered(self, now: float) -> None:
        """Count an answer that says nothing of a limit."""
        if math.isinf(self.limit):
            return
        self._answers += 1
        self._began = now if self._began is None else self._began
        if self._answers < self.CAREFUL_REQUESTS and now - self._began < self.CAREFUL_SECONDS:
            return
        self._round += 1
        if self._round >= self.limit:
            self._round = 0
            self.limit *= 2
            if self.limit > self.CAREFUL_REQUESTS:
                self.limit = math.inf

    def end(self) -> None:
        """The API has told its limit, by headers or by a refusal."""
        self.limit = math.inf
