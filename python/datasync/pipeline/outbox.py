"""Between fetching and writing: pages gather into batches here, and a slow writer holds fetching back."""

import asyncio
from collections import deque

from datasync.config.schema import BatchSettings
from datasync.model import Batch, Checkpoint, Chunk


class Outbox:
    """Batches in order, of at most `rows` rows or `nbytes` bytes, whole pages each.

    While the writer is busy pages gather up to a full batch, and `waiting` full batches may wait; then `put` waits.
    An idle writer takes whatever is there, so nothing lies about while the API is the slow side.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self._settings = settings
        self._full: deque[Batch] = deque()
        self._open: list[Chunk] = []
        self._checkpoint = Checkpoint()
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, chunk: Chunk, checkpoint: Checkpoint) -> None:
        """Add a page and the checkpoint after it; wait while the box is full."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._full) < self._settings.waiting)
            if self._open and not self._fits(chunk):
                self._seal()
            self._open.append(chunk)
            self._checkpoint = checkpoint
            if not self._fits(None):
                self._seal()
            self._changed.notify_all()

    async def close(self) -> None:
        """Say that no more pages come."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def take(self) -> Batch | None:
        """Give the oldest batch, full or not; None when the box is closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._full or self._open or self._closed)
            if not self._full:
                self._seal()
            batch = self._full.popleft() if self._full else None
            self._changed.notify_all()
            return batch

    def _fits(self, chunk: Chunk | None) -> bool:
        rows = sum(c.row_count for c in self._open) + (chunk.row_count if chunk else 1)
        nbytes = sum(c.nbytes for c in self._open) + (chunk.nbytes if chunk else 1)
        return rows <= self._settings.rows and nbytes <= self._settings.nbytes

    def _seal(self) -> None:
        if self._open:
            self._full.append(Batch(self._open, self._checkpoint))
            self._open = []
