"""Stopping a run: the first signal asks, the second ends the process."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Raised where a run waits, once a stop is requested."""


class Stop:
    """A request to stop, and the ways to notice it.

    Attributes:
        signal_number: the first signal received, or None.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []
        self.signal_number: int | None = None

    @property
    def requested(self) -> bool:
        """A stop was asked for."""
        return self._event.is_set()

    def listen(self) -> None:
        """Obey SIGTERM and SIGINT from now on. The second one ends the process at once, with 128 + its number."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def request(self) -> None:
        """Ask for a stop."""
        self._event.set()
        for callback in self._callbacks:
            callback()

    def on_request(self, callback: Callable[[], None]) -> None:
        """Call `callback` when a stop is requested, at once if it was."""
        self._callbacks.append(callback)
        if self.requested:
            callback()

    async def wait(self, seconds: float) -> None:
        """Sleep, unless a stop is requested: then raise Stopped at once."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        raise Stopped

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`; cancel it and raise Stopped when a stop is requested meanwhile."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_settled(work))
            stopped = group.create_task(self._event.wait())
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not task.done():
                task.cancel()
        if task.cancelled():
            raise Stopped
        result, error = task.result()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # there is a result where there is no error

    def give_up_after(self, seconds: float, last_word: Callable[[], None]) -> None:
        """End the process in `seconds`, whatever it still waits for: a stalled database rolls the open batch back."""

        def give_up() -> None:
            last_word()
            os._exit(128 + (self.signal_number or 0))

        asyncio.get_running_loop().call_later(seconds, give_up)

    def _on_signal(self, number: int) -> None:
        if self.requested:
            os._exit(128 + number)
        self.signal_number = number
        self.request()


async def _settled(work: Coroutine[Any, Any, T]) -> tuple[T | None, Exception | None]:
    # A task group would wrap the error into a group and cancel the sibling; here it is a value.
    try:
        return await work, None
    except Exception as error:  # noqa: BLE001 - handed to the caller, who raises it
        return None, error
