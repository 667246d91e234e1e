"""How long, and how, a batch is stored again when the database fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from datasync.errors import SinkError

FIRST: Final = 0.1
"""Seconds before the first repetition. The wait doubles with each."""

LONGEST: Final = 5.0
"""Seconds. So a server that comes back is noticed soon."""


class Patience:
    """Waits between repetitions, for so many `seconds` in all since the first failure."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._began: float | None = None
        self._pause = FIRST

    async def wait(self, error: SinkError, *, doing: str = "storing again") -> None:
        """Say what went wrong, and what is tried once more, and wait before that.

        Raises:
            SinkError: it is `error`; there is no time left.
        """
        now = self._clock()
        self._began = now if self._began is None else self._began
        left = self._seconds - (now - self._began)
        if left <= 0:
            error.hint = f"{error.hint or 'nothing of this batch was stored'}; it kept failing for {self._seconds:g} s"
            raise error
        structlog.get_logger().warning(doing, reason=str(error), code=error.code)
        await self._sleep(min(self._pause, left))
        self._pause = min(LONGEST, self._pause * 2)
