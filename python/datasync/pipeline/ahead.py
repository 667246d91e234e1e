"""The request for the next page, sent while this one is encoded."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import msgspec

from datasync.http.transport import Answer
from datasync.pipeline.memory import Room


class Arrived(msgspec.Struct, frozen=True):
    """An answer to the request for the page at `cursor`, and the room in memory that it takes."""

    answer: Answer
    cursor: str | None
    room: Room


class Ahead:
    """At most one request, for a cursor that is known before its page is.

    It may turn out not to be wanted: the page that named the cursor is damaged, or a stop came. Then it is dropped, and
    nothing was read.

    Attributes:
        asked_at: when the last request was sent or began to wait for the limit, monotonic seconds.
    """

    def __init__(self) -> None:
        self.asked_at = float("-inf")
        self._cursor: str | None = None
        self._task: asyncio.Task[Arrived] | None = None

    @property
    def under_way(self) -> bool:
        """A request was sent, and its answer not taken."""
        return self._task is not None

    def ask(self, cursor: str, request: Coroutine[Any, Any, Arrived]) -> None:
        """Send `request`, which asks for the page at `cursor`. Nothing may be under way."""
        assert self._task is None
        self.asked_at = time.monotonic()
        self._cursor = cursor
        self._task = asyncio.create_task(request)

    async def take(self, cursor: str | None) -> Arrived | None:
        """Give the answer for `cursor`, when it is there; None if another one or none was asked for.

        Raises:
            SourceError: as the request does.
        """
        if self._task is None or cursor != self._cursor:
            await self.drop()
            return None
        task = self._task
        try:
            return await task
        finally:
            if not task.done():
                await self.drop()  # whoever waited was cancelled
            self._task = None

    async def drop(self) -> None:
        """Cancel what is under way, and wait until it is gone."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            (came,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(came, Arrived):
                came.room.release()
