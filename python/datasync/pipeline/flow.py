"""One run of one stream: fetching and writing side by side."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import structlog

from datasync.config import Settings
from datasync.endpoints.base import ByCursor, Divided, Endpoint, Incremental, Windowed
from datasync.errors import (
    EXIT_LEFT,
    EXIT_SETUP,
    ConfigError,
    ContractChanged,
    CountsDiffer,
    DatasyncError,
    Paused,
    RowsMissing,
)
from datasync.failpoints import failpoint
from datasync.model import Batch, Committed, PartitionState
from datasync.pipeline.known import KnownPages
from datasync.pipeline.line import Line, Part
from datasync.pipeline.memory import Memory
from datasync.pipeline.outbox import Outbox
from datasync.pipeline.partition import Partition
from datasync.pipeline.rejects import RejectLimit
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.pipeline.timeline import TimeLine
from datasync.pipeline.units import UnitWatch
from datasync.pipeline.valueline import ValueLine
from datasync.pipeline.workers import Workers
from datasync.sinks.base import Sink
from datasync.stats import RunStats


class Flow:
    """Drives the partitions of an endpoint into a sink.

    Nothing is written before the first answer is in hand and good: a wrong key or address leaves no trace.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        read: Callable[[Part], Partition],
        sink: Sink,
        settings: Settings,
        stats: RunStats,
        stop: Stop,
        memory: Memory,
        known: KnownPages,
        committed: Callable[[Batch, Committed], None],
    ) -> None:
        """Take `read`, which makes the partition that reads a part, and `committed`, called after each commit.

        Raises:
            ConfigError: more partitions are asked for than the endpoint can be read in.
        """
        self._windowed = endpoint if isinstance(endpoint, Windowed) else None
        self._incremental = endpoint if isinstance(endpoint, Incremental) else None
        self._divided = endpoint if isinstance(endpoint, Divided) else None
        # Windows overlap by a page, and what a transform leaves out can't be told from what came twice.
        several = self._divided or (self._windowed and not settings.transforms)
        self._workers = settings.partitions or (settings.slots.initial if several else 1)
        if self._workers > 1 and self._windowed is None and self._divided is None:
            raise ConfigError(
                f"`{endpoint.name}` can't be read in {self._workers} partitions: it takes no windows of time and has "
                "no parent",
                hint="leave out --partitions, or read another endpoint",
            )
        if self._workers > 1 and settings.transforms and not isinstance(endpoint.reseek, ByCursor):
            raise ConfigError(
                f"`{endpoint.name}` can't be read in {self._workers} partitions with transforms: it is read again "
                "where a cursor expires, and what transforms leave out would count twice",
                hint="leave out --partitions",
            )
        self._stream = endpoint.name
        self._read = read
        self._sink = sink
        self._settings = settings
        self._stats = stats
        self._stop = stop
        self._memory = memory
        self._known = known
        self._committed = committed
        self._source_error: DatasyncError | None = None
        self._ended = False  # the last page is stored and the end proven; nothing else counts as the end
        self._missing = 0
        self._wrote = False
        self._units = UnitWatch(stats.timestamps)
        self._rejects = RejectLimit(settings.max_rejects)

    async def run(self) -> bool:
        """Read to the end. Give False when the stream was complete before.

        Raises:
            Stopped: a stop was requested; everything fetched in time is stored.
            TooManyRejects: more records than the run may bear can't be stored; the batches before are.
            SourceError: the API; everything fetched before is stored.
            SinkError: the database.
        """
        async with AsyncExitStack() as stack:
            try:
                return await self._run(stack)
            except DatasyncError as error:
                if self._wrote and error.exit_code == EXIT_SETUP:
                    error.exit_code = EXIT_LEFT  # the other one says that nothing was written
                raise

    async def _run(self, stack: AsyncExitStack) -> bool:
        try:
            start = await self._stop.guard(self._sink.connect())
            failpoint("cursor_read")
            workers = await self._begin(start, stack)
            if workers is not None and (taken := await self._stop.guard(self._sink.open())) != start:
                # The lock was lost meanwhile, as always behind a pooler. The other run can store nothing any more.
                await workers.close()
                workers = await self._begin(taken, stack)
            if workers is None:
                return False
        except (RowsMissing, CountsDiffer, Paused):
            raise  # there is something left to do
        except DatasyncError as error:
            error.exit_code = EXIT_SETUP  # nothing was written
            raise
        outbox = Outbox(self._settings.batch, self._memory)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fetch(workers, outbox))
                group.create_task(self._write(outbox))
        except ExceptionGroup as group:
            # A writer's: the fetcher keeps its own to itself. It has said already where it comes from.
            first = _first(group)
            raise first from first.__cause__
        if self._source_error is not None:
            raise self._source_error
        if self._missing:
            raise ContractChanged(
                f"the API says there is no more, but {self._missing:,} records are missing",
                hint=self._to_find_them(),
            )
        if not self._ended and self._stop.requested:
            raise Stopped
        if not self._ended:
            raise RuntimeError("fetching ended without an end, an error or a stop")
        return True

    def _to_find_them(self) -> str:
        again = "run again to ask for the last pages again; if that doesn't help, use --restart"
        if not self._settings.transforms:
            return again
        named = ", ".join(f"`{name}`" for name in self._settings.transforms)
        return f"do the transforms ({named}) give several records the same key? If not, {again}"

    async def _begin(self, start: Sequence[PartitionState], stack: AsyncExitStack) -> Workers | None:
        """The readers of what is left, with the first page in hand; None when nothing is."""
        line = self._line(start)
        if line.done:
            return None
        self._known.begin(start[0].checkpoint.since_us)
        if self._incremental is not None:
            self._incremental.begin(start[0].checkpoint.since_us)
            if self._divided is not None and start[0].checkpoint.since_us is not None:
                structlog.get_logger().warning(
                    "each row of the parent is asked for what is newer alone",
                    hint="of a row that is new since, older children don't come: read them with --restart",
                )
        workers = Workers(self._workers, line, self._read, self._stats, self._stop, self._memory, self._rejects)
        stack.push_async_callback(workers.close)
        await self._stop.guard(workers.first())
        return workers

    def _line(self, start: Sequence[PartitionState]) -> Line:
        self._stats.served = sum(state.checkpoint.served for state in start)
        self._stats.total = max((state.checkpoint.total or 0 for state in start), default=0) or None
        if self._divided is not None:
            return ValueLine(start, self._divided)
        if len(start) > 1 and self._windowed is None:
            raise ConfigError(
                f"`{self._stream}` was begun in {len(start)} partitions, in which this endpoint can't be read",
                hint="use the endpoint it was begun with, or run with --restart to read from the beginning",
            )
        return TimeLine(start, self._windowed.moment if self._windowed else None)

    async def _fetch(self, workers: Workers, outbox: Outbox) -> None:
        try:
            async with asyncio.timeout(None) as deadline:
                grace = self._settings.shutdown.in_flight
                # The stop outlives this timeout: other endpoints share it.
                forget = self._stop.on_request(lambda: deadline.reschedule(asyncio.get_running_loop().time() + grace))
                try:
                    await workers.run(outbox)
                finally:
                    forget()
        except (Stopped, TimeoutError):
            if not self._stop.requested:
                raise
            # What is in the box is still written.
        except DatasyncError as error:
            self._source_error = error  # raised once the box is empty
        finally:
            if self._stop.requested:
                failpoint("shutdown_drain")
            await outbox.close()

    async def _write(self, outbox: Outbox) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._sink.writers):
                group.create_task(self._write_on(outbox))

    async def _write_on(self, outbox: Outbox) -> None:
        while (batch := await outbox.take()) is not None:
            # Nothing is awaited between these two: commits come in the order of the batches.
            done = await self._sink.commit(batch)
            self._wrote = True
            outbox.done(batch)
            self._count(batch, done)
            self._known.see(batch, done)
            self._units.see(batch)
            self._missing = self._missing or done.missing
            self._ended = self._ended or done.complete
            self._committed(batch, done)
            self._rejects.refused(done)

    def _count(self, batch: Batch, done: Committed) -> None:
        self._stats.rows += done.rows
        self._stats.updated += done.updated
        self._stats.unchanged += done.unchanged
        self._stats.duplicates += done.duplicates
        self._stats.quarantined += done.quarantined
        self._stats.dropped += batch.dropped
        self._stats.served += batch.records


def _first(group: ExceptionGroup[Exception]) -> Exception:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
