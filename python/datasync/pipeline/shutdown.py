"""Stopping a run: the first signal asks, the second ends the process."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

from datasync.pipeline.listeners import heard

T = TypeVar("T")


class Stopped(Exception):
    """Raised where a run waits, once a stop is requested."""


class Stop:
    """A request to stop, and the ways to notice it.

    Attributes:
        signal_number: the first signal received, or None.
        signalled_at: when it came, monotonic seconds.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []
        self.signal_number: int | None = None
        self.signalled_at = float("inf")

    @property
    def requested(self) -> bool:
        """A stop was asked for."""
        return self._event.is_set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Obey SIGTERM, SIGINT and SIGHUP meanwhile. The second one ends the process at once, with 128 + its number.

        In any thread but the main one no signal is obeyed; several that listen are told of each. The loop's own
        handlers would not be called while a plugin blocks it; these are.
        """
        loop = asyncio.get_running_loop()

        def on_signal(number: int) -> None:
            if self.signal_number is not None:
                os._exit(128 + number)
            self.signalled_at = time.monotonic()
            self.signal_number = number
            loop.call_soon_threadsafe(self.request)

        with heard(on_signal, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)):
            yield

    def request(self) -> None:
        """Ask for a stop. A callback that raises keeps no other from being called."""
        self._event.set()
        for callback in tuple(self._callbacks):
            _call(callback)

    def on_request(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when a stop is requested, at once if it was. Give what takes it back."""
        self._callbacks.append(callback)
        if self.requested:
            _call(callback)
        return lambda: self._callbacks.remove(callback)

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


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - the others must hear of the stop all the same
        structlog.get_logger().exception("internal error", code="internal")


async def _settled(work: Coroutine[Any, Any, T]) -> tuple[T | None, Exception | None]:
    # A task group would wrap the error into a group and cancel the sibling; here it is a value.
    try:
        return await work, None
    except Exception as error:  # noqa: BLE001 - handed to the caller, who raises it
        return None, error
