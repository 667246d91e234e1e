"""Looks after the event loop from a thread of its own: names who blocks it, ends the process when its time is up."""

import asyncio
import os
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import structlog

from datasync.pipeline.shutdown import Stop

BLOCKED: Final = 5.0
"""Seconds without a turn of the loop, after which it is said who holds it up."""

POLL: Final = 0.25
"""Seconds between two looks."""

_OURS: Final = str(Path(__file__).parents[1])
_LIBRARIES: Final = tuple({_OURS, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))})


class Watchdog:
    """Everything but encoding happens on one loop, so a hook that doesn't return holds up all of it, signals too.

    Nothing can take the loop away from it; but people can be told where it is, and a process that was asked to end can.
    """

    def __init__(self, stop: Stop, *, total: float, last_word: Callable[[], None], blocked: float = BLOCKED) -> None:
        """Take `total`, the seconds from a signal to the end of the process, and the `last_word` before that."""
        self._stop = stop
        self._total = total
        self._last_word = last_word
        self._blocked = blocked
        self._turns = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._turn()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._next.cancel()

    def _turn(self) -> None:
        self._turns += 1
        self._next = self._loop.call_later(POLL, self._turn)

    def _watch(self) -> None:
        # Looks are counted, not seconds: a process that was suspended has missed none.
        turns = looks = 0
        while not self._over.wait(POLL):
            if time.monotonic() - self._stop.signalled_at >= self._total:
                self._last_word()
                os._exit(128 + (self._stop.signal_number or 0))
            looks = looks + 1 if turns == self._turns else 0
            turns = self._turns
            if looks == round(self._blocked / POLL):
                structlog.get_logger().warning(
                    "the event loop is blocked",
                    where=_culprit(sys._current_frames().get(self._loop_thread)),  # noqa: SLF001 - documented
                    seconds=self._blocked,
                    hint="nothing is read or stored meanwhile: a plugin's hooks must return at once",
                )


def _culprit(frame: FrameType | None) -> str:
    """The innermost line of code that is neither ours nor a library's, else the innermost one."""
    innermost = None
    while frame is not None:
        place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        if not frame.f_code.co_filename.startswith((*_LIBRARIES, "<")):
            return place
        innermost = innermost or place
        frame = frame.f_back
    return innermost or "unknown"
