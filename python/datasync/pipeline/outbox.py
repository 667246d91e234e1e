"""Between fetching and writing: pages gather into batches here, and a slow writer holds fetching back."""

import asyncio
from collections import deque
from collections.abc import Mapping

from datasync.config.schema import BatchSettings
from datasync.model import Batch, Checkpoint, Chunk, Window
from datasync.pipeline.memory import Memory, cost, held


class _Open:
    """Pages of one partition that may still get company."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.checkpoint = Checkpoint()
        self.rows = 0
        self.nbytes = 0

    def suits(self, chunk: Chunk) -> bool:
        """A page may be of the other lane, where the core panicked over it; and one that begins anew comes first."""
        return not chunk.again and (chunk.rows is None) == (self.chunks[-1].rows is None)

    def add(self, chunk: Chunk, checkpoint: Checkpoint) -> None:
        self.chunks.append(chunk)
        self.checkpoint = checkpoint
        self.rows += chunk.row_count
        self.nbytes += held(chunk)


class Outbox:
    """Batches of at most `rows` rows or `nbytes` bytes, whole pages of one partition each, in the partition's order.

    While the writer is busy pages gather, up to what `waiting` full batches hold, all partitions together; then `put`
    waits. An idle writer takes whatever is there, so nothing lies about while the API is the slow side.
    """

    def __init__(self, settings: BatchSettings, memory: Memory | None = None) -> None:
        """Take the `memory` that pages hold a part of until their batch is `done`."""
        self._settings = settings
        self._memory = memory
        self._full: deque[Batch] = deque()
        self._open: dict[int, _Open] = {}  # the one with the oldest page first
        self._windows: dict[int, Window] = {}
        self._rows = 0
        self._nbytes = 0
        self._closed = False
        self._changed = asyncio.Condition()

    def share(self, windows: Mapping[int, Window]) -> None:
        """Have `windows` stored with the next batch taken, and so before any page that is put from now on."""
        self._windows |= windows

    async def put(self, partition: int, chunk: Chunk, checkpoint: Checkpoint) -> None:
        """Add a page and the checkpoint after it; wait while the box is full."""
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            batch = self._open.get(partition)
            fits = batch and batch.suits(chunk) and self._fits(batch, chunk.row_count, held(chunk))
            if batch and not fits:
                self._seal(partition)
            batch = self._open.setdefault(partition, _Open())
            batch.add(chunk, checkpoint)
            self._rows += chunk.row_count
            self._nbytes += held(chunk)
            if not self._fits(batch, 1, 1):
                self._seal(partition)
            self._changed.notify_all()

    async def close(self) -> None:
        """Say that no more pages come."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def take(self) -> Batch | None:
        """Give the oldest full batch, else the oldest one; None when the box is closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._full or self._open or self._closed)
            if not self._full and self._open:
                self._seal(next(iter(self._open)))
            if not self._full:
                return None
            batch = self._full.popleft()
            windows, self._windows = self._windows, {}
            self._rows -= batch.row_count
            self._nbytes -= sum(map(held, batch.chunks))
            self._changed.notify_all()
            return Batch(batch.chunks, batch.checkpoint, batch.partition, windows)

    def done(self, batch: Batch) -> None:
        """Say that a batch which was taken is stored, and its memory is free."""
        if self._memory is not None:
            self._memory.free(sum(map(cost, batch.chunks)))

    def _has_room(self) -> bool:
        most = self._settings.waiting
        return self._rows < most * self._settings.rows and self._nbytes < most * self._settings.nbytes

    def _fits(self, batch: _Open, rows: int, nbytes: int) -> bool:
        return batch.rows + rows <= self._settings.rows and batch.nbytes + nbytes <= self._settings.nbytes

    def _seal(self, partition: int) -> None:
        batch = self._open.pop(partition)
        self._full.append(Batch(batch.chunks, batch.checkpoint, partition))
