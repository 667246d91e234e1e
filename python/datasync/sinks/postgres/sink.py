"""The PostgreSQL sink: rows, quarantine and checkpoint in one transaction."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from datasync import hookspecs
from datasync.config import Settings
from datasync.errors import ConfigError, SinkConflict, SinkError, SinkUnavailable
from datasync.model import Batch, Committed, EncoderPlan, PartitionState
from datasync.plugins import Register
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.postgres.untimed import untimed
from datasync.sinks import lease, reading, rounds
from datasync.sinks.postgres import (
    checkpoint,
    ddl,
    lock,
    lookup,
    partitions,
    resume,
    shape,
    staging,
    swap,
    tables,
    unlogged,
)
from datasync.sinks.postgres.checkpoint import Progress
from datasync.sinks.postgres.children import Children
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.patience import Patience
from datasync.sinks.postgres.store import Store
from datasync.sinks.postgres.target import Target
from datasync.sinks.postgres.writer import Writer

_PATIENT: Final = "SELECT set_config('lock_timeout', '10s', true)"

# A crash may take batches back, and the stream's row tells so; without that row a run would find no more than a gap.
_DURABLE: Final = "SET LOCAL synchronous_commit = on"


class PostgresSink:
    """See `datasync.sinks.base.Sink`. Batches are stored by several writers, and committed in the order of the calls.

    The first connection holds the stream's lock, for the whole run.
    """

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan) -> None:
        """Raise ConfigError if the plan's columns, the table's name and mode, and the policy don't go together."""
        self._settings = settings
        self._stream = stream
        self._source = settings.api_base_url
        self._target = Target(plan.columns, settings.write.on_conflict, settings.table)
        lists = settings.spec.table.children if settings.spec is not None else ()
        if lists and settings.table.mode != "merge":
            raise ConfigError(
                f"`{self._target.table}` has tables of elements, and the mode `{settings.table.mode}`",
                hint="use the mode `merge`, with an `on_conflict` that updates",
            )
        self._children = Children(self._target, lists)
        self._first = rounds.first(settings.rounds)
        self._links = [Link(settings) for _ in range(settings.write.writers)]
        self._link = self._links[0]
        self._patience = partial(Patience, settings.http.retry_for)
        self._writers: list[Writer] = []
        self._store: Store | None = None
        self._found: Sequence[PartitionState] = ()  # by `connect`

    @property
    def writers(self) -> int:
        """See Sink."""
        return len(self._writers) or self._settings.write.writers

    async def connect(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        await self._link.open()
        wait, patience = self._settings.write.wait, self._patience()
        while True:
            began = time.monotonic()
            try:
                if not self._link.usable:
                    await self._link.renew()
                return await self._connected(wait=wait)
            except SinkUnavailable as error:
                if not wait:
                    raise
                # Whoever waits for hours for another run lives through a restart of the server, as that one does.
                if time.monotonic() - began > self._settings.http.retry_for:
                    patience = self._patience()
                self._link.cut()
                await patience.wait(error, doing="connecting again")

    async def _connected(self, *, wait: bool) -> tuple[PartitionState, ...]:
        connection = self._link.connection
        with mapped("reading the checkpoint"):
            await self._lock(wait=wait)
            async with connection.transaction(isolation="read_committed"):
                await connection.execute(f"{_PATIENT}; {self._link.noticing}; {untimed(connection)}")
                return await self._look(connection)

    async def _look(self, connection: Connection) -> tuple[PartitionState, ...]:
        """Where the run will begin, if all is as it should be. Writes nothing."""
        await shape.check(connection, self._target)
        await self._children.check(connection)
        await staging.check(connection, self._target.table, self._target.columns)
        await swap.pending(connection, self._target.table, self._stream)  # refuses what isn't ours
        version = await ddl.installed_version(connection)
        if self._settings.restart or not version:
            return (self._first,)
        start = await partitions.read(connection, self._stream, version)
        self._found = start
        if not start:
            return (self._first,)
        await self._resumable(connection, start, version)
        following = self._following(start)
        return start if following is None else (following,)

    async def open(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        patience = self._patience()
        while True:
            try:
                if not self._link.usable:
                    # The first page may have taken longer than a server leaves a connection alone.
                    await self._link.renew()
                    with mapped("taking the stream's lock again"):
                        await self._lock(wait=False)
                return await self._open()
            except SinkUnavailable as error:
                self._link.cut()
                await patience.wait(error, doing="connecting again")
            except SinkConflict as error:  # a lock wasn't given, perhaps
                await patience.wait(error, doing="preparing the tables again")

    async def _open(self) -> tuple[PartitionState, ...]:
        connection = self._link.connection
        for link in self._links[1:]:
            link.open_soon()  # the server takes as long for that as for the tables
        with mapped("preparing the tables"):
            await ddl.migrate(connection)
            async with connection.transaction(isolation="read_committed"):
                settings = f"{_PATIENT}; {_DURABLE}; {self._link.noticing}; {untimed(connection)}"
                await connection.execute(settings)
                progress = await self._take_over(connection)
                taken = await partitions.read(connection, self._stream, len(ddl.HISTORY.steps))
            await unlogged.warn(connection, [self._target.table, *self._children.tables])
            write = self._settings.write
            found = await shape.traits(connection, self._target)
            direct = write.direct and await shape.takes_direct(connection, self._target, found, progress)
            habit = Habit(
                direct=found.alone if self._target.appends else direct,
                keeps_known=self._target.keeps_known,
                traits=found,
            )
        store = Store(self._stream, self._target, self._children, progress, habit, self._patience, self._renew)
        self._writers.clear()
        for number in range(write.writers):
            try:
                await self._add(store, number, habit)
            except SinkError as error:
                if number == 0:
                    raise
                # One is enough, where there is no further connection, or no right to make a further staging table.
                structlog.get_logger().warning("one writer less", reason=str(error), code=error.code)
        self._store = store
        return taken

    async def _take_over(self, connection: Connection) -> Progress:
        """Take the stream over, where it goes on, with the tables that it needs."""
        restart, target = self._settings.restart, self._target
        states = () if restart else await partitions.read(connection, self._stream, len(ddl.HISTORY.steps))
        progress = await checkpoint.take_over(
            connection,
            self._stream,
            self._source,
            table=self._settings.table.name,
            newer=rounds.counts_newer(self._first, self._settings.rounds),
            whole=rounds.reads_all(self._first, self._settings.rounds),
            restart=not states,
        )
        if states:
            # Another run may have had it since `connect` looked. From here on this one holds its row.
            version = len(ddl.HISTORY.steps)
            states = await partitions.read(connection, self._stream, version)
            await resume.check_origin(connection, self._settings, self._stream)
            await resume.check_reading(connection, self._settings, self._stream, states)
            if states != self._found:  # else `connect` has looked, and counting takes its time
                await self._resumable(connection, states, version)
        await checkpoint.keep_reading(connection, self._stream, reading.of(self._settings))
        begun = self._following(states) if states else self._first
        if begun is not None:
            if states:
                newer = rounds.counts_newer(begun, self._settings.rounds)
                await checkpoint.next_round(
                    connection,
                    self._stream,
                    newer=newer,
                    anew=target.replaces,
                    whole=rounds.reads_all(begun, self._settings.rounds),
                )
            await partitions.begin(connection, self._stream, begun)
        if not await shape.check(connection, target):
            # What is appended may come again; so the key, if there is one, isn't unique.
            key = () if target.appends or target.key is None else (target.key.name,)
            await tables.make(connection, target.table, target.columns, key)
        await self._children.make(connection)
        if begun is not None:
            await swap.forget(connection, target.table, self._stream)
            if target.replaces:
                await swap.begin(connection, target, self._stream)
        return progress

    def _following(self, states: Sequence[PartitionState]) -> PartitionState | None:
        return rounds.following(states, self._settings.rounds, anew=self._target.replaces)

    async def _resumable(self, connection: Connection, states: Sequence[PartitionState], version: int) -> None:
        settings, target = self._settings, self._target
        await resume.check(connection, settings, self._stream, target, states, version)

    def commit(self, batch: Batch) -> Awaitable[Committed]:
        """See Sink."""
        assert self._store is not None  # open() comes first
        return self._store.commit(batch)

    async def distinct(self, table: str, column: str) -> Sequence[str]:
        """See Lookup."""
        return await lookup.distinct(self._settings.database_url, table, column)

    async def close(self) -> None:
        """See Sink."""
        if self._store is not None and self._link.usable:
            # The last commits may not have waited for the disk: this one does.
            with suppress(Exception):
                async with asyncio.timeout(5.0):
                    for writer in self._writers:
                        await writer.tidy()
                    await checkpoint.touch(self._link.connection, self._stream, self._store.epoch)
        await asyncio.gather(*[link.close() for link in self._links])

    async def _add(self, store: Store, number: int, habit: Habit) -> None:
        link = self._links[number]
        writer = Writer(link, number, self._target, habit, self._settings.write)
        try:
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
                raise lease.lost(self._stream)
            await self._lock(wait=False)

    async def _lock(self, *, wait: bool) -> None:
        # Behind a pooler the lock would stay with the server's connection, whoever has it next; the epoch is enough.
        if not self._link.pooled:
            await lock.take(self._link.connection, self._stream, wait=wait)


@hookspecs.hookimpl
def register_sinks(register: Register) -> None:
    """Offer `postgres`."""
    register("postgres", PostgresSink)
