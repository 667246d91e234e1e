"""The PostgreSQL sink: rows, quarantine and checkpoint in one transaction."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial

import structlog

from datasync import hookspecs
from datasync.config import Settings
from datasync.errors import ConfigError, RowsMissing, SinkError
from datasync.model import Batch, Committed, EncoderPlan, PartitionState
from datasync.plugins import Register
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import checkpoint, ddl, lock, partitions, reconcile, shape
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.patience import Patience
from datasync.sinks.postgres.store import Store
from datasync.sinks.postgres.target import Target
from datasync.sinks.postgres.writer import Writer


class PostgresSink:
    """See `datasync.sinks.base.Sink`. Batches are stored by several writers, and committed in the order of the calls.

    The first connection holds the stream's lock, for the whole run.
    """

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan) -> None:
        """Raise ConfigError if the plan's columns and the conflict policy don't go together."""
        self._settings = settings
        self._stream = stream
        self._source = settings.api_base_url
        self._target = Target(plan.columns, settings.write.on_conflict)
        self._link = Link(settings)
        self._writers: list[Writer] = []
        self._store: Store | None = None

    @property
    def writers(self) -> int:
        """See Sink."""
        return len(self._writers) or self._settings.write.writers

    async def connect(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        await self._link.open()
        connection = self._link.connection
        with mapped("reading the checkpoint"):
            await self._lock(wait=self._settings.write.wait)
            await shape.check(connection)
            version = await ddl.installed_version(connection)
            if self._settings.restart or not version:
                return (PartitionState(),)
            source = await checkpoint.source(connection, self._stream)
            if source is not None and source != self._source:
                raise ConfigError(
                    f"the checkpoint of `{self._stream}` in this database is that of {source}, not of {self._source}",
                    hint="use another database, or read this API from its beginning with --restart",
                )
            start = await partitions.read(connection, self._stream, version)
            complete = all(state.checkpoint.complete for state in start)
            if complete and (gone := await reconcile.missing(connection, self._stream)):
                raise RowsMissing(
                    f"`{self._stream}` was read to its end, but {gone:,} of its records are not in the table any more",
                    hint="run with --restart to read them again",
                )
            if complete and version == len(ddl.HISTORY.steps):
                await reconcile.check_counts(connection, self._stream)
            return start

    async def open(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        restart = self._settings.restart
        connection = self._link.connection
        with mapped("preparing the tables"):
            await ddl.migrate(connection)
            async with connection.transaction():
                progress = await checkpoint.take_over(connection, self._stream, self._source, restart=restart)
                await partitions.begin(connection, self._stream, restart=restart)
                taken = await partitions.read(connection, self._stream, len(ddl.HISTORY.steps))
            write = self._settings.write
            habit = Habit(
                direct=write.direct and await shape.takes_direct(connection, progress),
                keeps_known=self._target.keeps_known,
            )
        patience = partial(Patience, self._settings.http.retry_for)
        self._store = Store(self._stream, self._target, progress, habit, patience, self._renew)
        for number in range(write.writers):
            try:
                await self._add(self._store, number, habit)
            except SinkError as error:
                if number == 0:
                    raise
                # One is enough, where there is no further connection, or no right to make a further staging table.
                structlog.get_logger().warning("one writer less", reason=str(error), code=error.code)
        return taken

    def commit(self, batch: Batch) -> Awaitable[Committed]:
        """See Sink."""
        assert self._store is not None  # open() comes first
        return self._store.commit(batch)

    async def close(self) -> None:
        """See Sink."""
        if self._store is not None and self._link.usable:
            # The last commits may not have waited for the disk: this one does.
            with suppress(Exception):
                async with asyncio.timeout(5.0):
                    for writer in self._writers:
                        await writer.tidy()
                    await checkpoint.touch(self._link.connection, self._stream, self._store.epoch)
        for link in {self._link, *(writer.link for writer in self._writers)}:
            await link.close()

    async def _add(self, store: Store, number: int, habit: Habit) -> None:
        link = self._link if number == 0 else Link(self._settings)
        writer = Writer(link, number, self._target, habit, self._settings.write)
        try:
            if not link.usable:
                await link.open()
            await writer.prepare()
        except SinkError:
            if link is not self._link:
                await link.close()
            raise
        self._writers.append(writer)
        store.add(writer)

    async def _renew(self, writer: Writer) -> None:
        await writer.link.renew()
        try:
            if writer.link is self._link:
                await self._lock_again()
            await writer.prepare()
        except BaseException:
            writer.link.cut()  # half of what it needs is not enough
            raise

    async def _lock_again(self) -> None:
        with mapped("taking the stream's lock again"):
            found = await checkpoint.read(self._link.connection, self._stream)
            if found is None or self._store is None or found.epoch != self._store.epoch:
                raise checkpoint.lost(self._stream)
            await self._lock(wait=False)

    async def _lock(self, *, wait: bool) -> None:
        # Behind a pooler the lock would stay with the server's connection, whoever has it next; the epoch is enough.
        if not self._link.pooled:
            await lock.take(self._link.connection, self._stream, wait=wait)


@hookspecs.hookimpl
def register_sinks(register: Register) -> None:
    """Offer `postgres`."""
    register("postgres", PostgresSink)
