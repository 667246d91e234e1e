"""One run of one stream: fetching and writing side by side."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from datasync.config import Settings
from datasync.errors import EXIT_SETUP, ContractChanged, DatasyncError, Paused, RowsMissing, SinkBusy
from datasync.model import Batch, Checkpoint, Chunk, Committed, RunStats
from datasync.pipeline.outbox import Outbox
from datasync.pipeline.partition import Partition
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.pipeline.units import UnitWatch
from datasync.sinks.base import Sink

Fetched: TypeAlias = tuple[Chunk, Checkpoint]


class Flow:
    """Drives a partition into a sink.

    Nothing is written before the first answer is in hand and good: a wrong key or address leaves no trace.
    """

    def __init__(
        self,
        partition: Partition,
        sink: Sink,
        settings: Settings,
        stats: RunStats,
        stop: Stop,
        committed: Callable[[Batch, Committed], None],
    ) -> None:
        """Take `committed`, called after each commit."""
        self._partition = partition
        self._sink = sink
        self._settings = settings
        self._stats = stats
        self._stop = stop
        self._committed = committed
        self._source_error: DatasyncError | None = None
        self._ended = False  # the last page is stored; nothing else counts as the end
        self._missing = 0
        self._units = UnitWatch(stats.timestamps)

    async def run(self) -> bool:
        """Read to the end. Give False when the stream was complete before.

        Raises:
            Stopped: a stop was requested; everything fetched in time is stored.
            SourceError: the API; everything fetched before is stored.
            SinkError: the database.
        """
        try:
            start = await self._stop.guard(self._sink.connect())
            self._stats.served = start.served
            if start.complete:
                return False
            pages = self._partition.pages(start)
            first = await self._stop.guard(_next(pages))
            if await self._stop.guard(self._sink.open()) != start:
                # Only behind a pooler that breaks session locks.
                raise SinkBusy("another run moved the checkpoint meanwhile", hint="run again")
        except (RowsMissing, Paused):
            raise  # there is something left to do
        except DatasyncError as error:
            error.exit_code = EXIT_SETUP  # nothing was written
            raise
        outbox = Outbox(self._settings.batch)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fetch(pages, first, outbox))
                group.create_task(self._write(outbox))
        except ExceptionGroup as group:
            # The writer's: the fetcher keeps its own to itself. It has said already where it comes from.
            raise group.exceptions[0] from group.exceptions[0].__cause__
        if self._source_error is not None:
            raise self._source_error
        if self._missing:
            raise ContractChanged(
                f"the API says there is no more, but {self._missing:,} records are missing",
                hint="run again to ask for the last page again; if that doesn't help, use --restart",
            )
        if not self._ended and self._stop.requested:
            raise Stopped
        if not self._ended:
            raise RuntimeError("fetching ended without an end, an error or a stop")
        return True

    async def _fetch(self, pages: AsyncIterator[Fetched], first: Fetched, outbox: Outbox) -> None:
        try:
            async with asyncio.timeout(None) as deadline:
                grace = self._settings.shutdown.in_flight
                self._stop.on_request(lambda: deadline.reschedule(asyncio.get_running_loop().time() + grace))
                fetched: Fetched | None = first
                while fetched is not None:
                    await outbox.put(*fetched)
                    fetched = None if self._stop.requested else await anext(pages, None)
        except (Stopped, TimeoutError):
            if not self._stop.requested:
                raise
            # What is in the box is still written.
        except DatasyncError as error:
            self._source_error = error  # raised once the box is empty
        finally:
            await outbox.close()

    async def _write(self, outbox: Outbox) -> None:
        while (batch := await outbox.take()) is not None:
            done = await self._sink.commit(batch)
            self._stats.rows += done.rows
            self._stats.duplicates += done.duplicates
            self._stats.quarantined += done.quarantined
            self._stats.dropped += batch.dropped
            self._units.see(batch)
            self._stats.served = batch.checkpoint.served
            self._missing = done.missing
            self._ended = batch.checkpoint.complete and not done.missing
            self._committed(batch, done)


async def _next(pages: AsyncIterator[Fetched]) -> Fetched:
    return await anext(pages)
