"""An event loop whose clock jumps to the next timer when nothing is ready: an hour takes seconds and is repeatable.

Written here because the two libraries for it fit badly: one is under the GPL, the other polls real sockets and turns
idle dozens of times before each jump.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

TURN = 1e-7
"""Seconds that each turn of the loop takes, as it does in real time. Were it none, a timer that rounding puts a hair
too early would be set again at the same moment for ever.
"""


class NothingToWaitFor(RuntimeError):
    """All tasks wait, and no timer is set: in real time this would hang for ever."""


class _Jump(selectors.BaseSelector):
    """Selects nothing, and passes the time that it was asked to wait."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingToWaitFor
        self.now += max(TURN, timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)  # the loop's own wake-up pipe, which nobody writes to

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class VirtualLoop(asyncio.SelectorEventLoop):
    """Timers only: no sockets, no threads. It starts at 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Give the virtual seconds."""
        return self._jump.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time.

    Raises:
        NothingToWaitFor: Every task waits for another.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
