"""The retry budget: what keeps repetitions from becoming the load that a weak server fails under."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

EARNED: Final = 0.1
"""Retries that one success pays for."""

RESERVE: Final = 10.0
"""Retries in hand at the start, and at most."""

UNPAID_EVERY: Final = 30.0
"""Seconds between two retries that nothing pays for. An ingester can't drop a page, so it asks seldom instead."""

GAP: Final = 0.5
"""Seconds between the retries of several requests, while nothing succeeds; doubled with each of them."""

POLL: Final = 1.0
"""Seconds between two looks whether one that waits may go."""


class RetryBudget:
    """Retries that all requests of one bucket share: one in ten, and a small reserve.

    However many requests fail, retries stay below `RESERVE + EARNED * successes`, plus one every `UNPAID_EVERY` seconds
    while the budget is empty. While nothing succeeds, requests that failed together go one by one and ever more seldom:
    the first of them finds out for all.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic `clock`, in seconds."""
        self._clock = clock
        self._tokens = RESERVE
        self._last_retry = float("-inf")
        self._last_success = float("-inf")
        self._in_vain = 0  # retries since then
        self._line: deque[object] = deque()  # those who wait, first come first served

    def succeeded(self) -> None:
        """Earn a part of a retry."""
        self._tokens = min(RESERVE, self._tokens + EARNED)
        self._last_success = self._clock()
        self._in_vain = 0

    async def turn(
        self, wait: Callable[[float], Awaitable[None]], *, failed_at: float, cap: float, patience: float
    ) -> bool:
        """Wait until one more retry may go; give False if the patience ends before.

        Args:
            wait: sleeps; may raise to end the waiting.
            failed_at: when the request failed, on the budget's clock.
            cap: seconds from then before which an empty budget lets nothing go; the gap grows up to it, too.
            patience: seconds from then, or from the last success of anybody: an API that answers others is not down.
        """
        ticket = object()
        self._line.append(ticket)
        try:
            while self._line[0] is not ticket or not self._take(failed_at, cap):
                if self._clock() >= max(failed_at, self._last_success) + patience:
                    return False
                await wait(POLL)
        finally:
            self._line.remove(ticket)
        return True

    def _take(self, failed_at: float, cap: float) -> bool:
        now = self._clock()
        # Its own retries are spread by jitter; here it waits for what others found out since it failed.
        if self._in_vain and self._last_retry > failed_at:
            gap = min(cap, GAP * 2 ** min(self._in_vain - 1, 30))
            if now < self._last_retry + gap:
                return False
        # 0.1 is no binary fraction: ten of them are a little less than one.
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
        elif now < max(failed_at + cap, self._last_retry + UNPAID_EVERY):
            return False
        self._last_retry = now
        self._in_vain += 1
        return True
