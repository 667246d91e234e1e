"""The PostgreSQL sink: rows, quarantine and checkpoint in one transaction."""

from collections.abc import Sequence
from contextlib import suppress

import asyncpg
import msgspec

from datasync import hookspecs
from datasync.config import Settings
from datasync.errors import ConfigError, RowsMissing, SinkUnavailable
from datasync.model import Batch, Chunk, Committed, EncoderPlan, PartitionState
from datasync.plugins import Register
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import checkpoint, copy, ddl, partitions, quarantine, reconcile, shape
from datasync.sinks.postgres.pool import create_pool

CLOSE_TIMEOUT = 5.0
"""Seconds for a clean close; then connections are cut."""


class PostgresSink:
    """See `datasync.sinks.base.Sink`.

    One connection writes, for the whole run: the stream's lock lives in its session.
    """

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan) -> None:
        self._settings = settings
        self._stream = stream
        self._source = settings.api_base_url
        self._columns = plan.columns
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._connection: Connection | None = None
        self._epoch = 0

    async def connect(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        self._pool = await create_pool(self._settings)
        with mapped("reading the checkpoint"):
            self._connection = await self._pool.acquire()
            await copy.prepare(self._writer)
            await checkpoint.lock(self._writer, self._stream)
            await shape.check(self._writer)
            version = await ddl.installed_version(self._writer)
            if self._settings.restart or not version:
                return (PartitionState(),)
            source = await checkpoint.source(self._writer, self._stream)
            if source is not None and source != self._source:
                raise ConfigError(
                    f"the checkpoint of `{self._stream}` in this database is that of {source}, not of {self._source}",
                    hint="use another database, or read this API from its beginning with --restart",
                )
            start = await partitions.read(self._writer, self._stream, version)
            complete = all(state.checkpoint.complete for state in start)
            if complete and (gone := await reconcile.missing(self._writer, self._stream)):
                raise RowsMissing(
                    f"`{self._stream}` was read to its end, but {gone:,} of its records are not in the table any more",
                    hint="run with --restart to read them again",
                )
            return start

    async def open(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        restart = self._settings.restart
        with mapped("preparing the tables"):
            await ddl.migrate(self._writer)
            async with self._writer.transaction():
                self._epoch = await checkpoint.take_over(self._writer, self._stream, self._source, restart=restart)
                await partitions.begin(self._writer, self._stream, restart=restart)
                taken = await partitions.read(self._writer, self._stream, len(ddl.HISTORY.steps))
            await copy.clear(self._writer)
            return taken

    async def commit(self, batch: Batch) -> Committed:
        """See Sink."""
        with mapped("storing a batch"):
            async with self._writer.transaction():
                if batch.row_count:
                    await copy.own(self._writer)
                await copy.stage(self._writer, batch.chunks, self._columns)
                inserted = await copy.upsert(self._writer, self._columns) if batch.row_count else 0
                rejects = batch.rejects
                kept = await quarantine.keep(self._writer, self._stream, rejects)
                repeated = batch.row_count - inserted + len(rejects) - kept
                done = Committed(inserted, repeated, kept)
                if batch.chunks and batch.chunks[0].again:
                    await checkpoint.again(self._writer, self._stream)
                await checkpoint.advance(self._writer, self._stream, self._epoch, batch, done)
                await partitions.share(self._writer, self._stream, batch.windows)
                await partitions.advance(self._writer, self._stream, batch.partition, batch.checkpoint)
                if batch.checkpoint.complete and await partitions.all_complete(self._writer, self._stream):
                    done = await self._end(done, last=batch.chunks[-1:])
                if batch.row_count:
                    await copy.clear(self._writer)
        return done

    async def _end(self, done: Committed, last: Sequence[Chunk]) -> Committed:
        """Prove the end, in the transaction of the last batch."""
        gone = await reconcile.missing(self._writer, self._stream)
        if gone:
            await partitions.reopen(self._writer, self._stream)
            await checkpoint.reopen(self._writer, self._stream, last)
        else:
            await checkpoint.finish(self._writer, self._stream)
        return msgspec.structs.replace(done, complete=not gone, missing=gone)

    async def close(self) -> None:
        """See Sink."""
        if self._pool is None:
            return
        with suppress(Exception):
            if self._connection is not None:
                await self._connection.close(timeout=CLOSE_TIMEOUT)
        self._pool.terminate()

    @property
    def _writer(self) -> Connection:
        if self._connection is None:
            raise SinkUnavailable("the sink is not connected")
        return self._connection


@hookspecs.hookimpl
def register_sinks(register: Register) -> None:
    """Offer `postgres`."""
    register("postgres", PostgresSink)
