"""A batch into the database: one transaction, repeated until it is in, counted once."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from datasync.errors import CommitsLost, RowsRefused, SinkConflict, SinkUnavailable
from datasync.failpoints import failpoint
from datasync.model import Batch, Committed, Reject
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import checkpoint, partitions, quarantine, reconcile, shape
from datasync.sinks.postgres.checkpoint import Progress
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.patience import Patience
from datasync.sinks.postgres.rows import Rows, sort
from datasync.sinks.postgres.target import Stored, Target
from datasync.sinks.postgres.transaction import committing
from datasync.sinks.postgres.turns import Turns
from datasync.sinks.postgres.writer import Put, Writer


class _Outdated(Exception):
    """The stream's row is not as this batch expects it: the batch is in already, or another run goes on."""


class Store:
    """Stores the batches of one stream, by several writers, in order.

    A batch whose outcome is unknown, because the connection broke while it was committed, is looked up by its number.
    """

    def __init__(
        self,
        stream: str,
        target: Target,
        progress: Progress,
        habit: Habit,
        patience: Callable[[], Patience],
        renew: Callable[[Writer], Awaitable[None]],
    ) -> None:
        """Take the stream's `progress`, and `renew`, which makes a writer's connection anew."""
        self._stream = stream
        self._target = target
        self._progress = progress
        self._turns = Turns(progress.batch)
        self._habit = habit
        self._patience = patience
        self._renew = renew
        self._idle: asyncio.Queue[Writer] = asyncio.Queue()
        self._writers = 0

    @property
    def epoch(self) -> int:
        """Of this run."""
        return self._progress.epoch

    def add(self, writer: Writer) -> None:
        """Let a writer work."""
        self._idle.put_nowait(writer)
        self._writers += 1

    def commit(self, batch: Batch) -> Awaitable[Committed]:
        """Store a batch. It gets its place in the order now, not when the result is awaited.

        Raises:
            LeaseLost: another run took the stream over; nothing was stored.
            SinkError: nothing was stored.
        """
        return self._commit(batch, self._turns.take())

    async def _commit(self, batch: Batch, number: int) -> Committed:
        await self._turns.near(number, self._writers)
        rows = self._target.one_of_each(await asyncio.to_thread(sort, batch.chunks, self._target.columns))
        writer = await self._idle.get()
        try:
            done = await self._persist(writer, batch, rows, number)
        finally:
            self._idle.put_nowait(writer)
        await self._turns.over(number)
        return done

    async def _persist(self, writer: Writer, batch: Batch, rows: Rows, number: int) -> Committed:
        patience = self._patience()
        careful = False
        while True:
            try:
                if not writer.link.usable:
                    await self._renew(writer)
                    if done := await self._outcome(writer, batch, number):
                        return done
                return await self._attempt(writer, batch, rows, number, careful=careful)
            except _Outdated:
                if done := await self._outcome(writer, batch, number):
                    return done
                raise checkpoint.lost(self._stream) from None
            except RowsRefused:
                if careful:
                    raise
                careful = True
            except (SinkUnavailable, SinkConflict) as error:
                self._habit.met_conflict()
                if isinstance(error, SinkUnavailable):
                    writer.link.cut()
                _obey_cancellation(error)
                await patience.wait(error)

    async def _attempt(self, writer: Writer, batch: Batch, rows: Rows, number: int, *, careful: bool) -> Committed:
        put = writer.put_careful if careful else writer.put
        with mapped("storing a batch"):
            async with committing(writer.link.connection):
                await writer.begin(last=batch.checkpoint.complete)
                found = await put(rows, number, self._turns)
                done, progress = await self._account(writer, batch, rows, number, found)
        self._progress = progress
        self._habit.stored(rows=len(rows), inserted=found.stored.inserted)
        return done

    async def _account(
        self, writer: Writer, batch: Batch, rows: Rows, number: int, found: Put
    ) -> tuple[Committed, Progress]:
        """Quarantine, counters and checkpoint, in the transaction of the rows."""
        connection = writer.link.connection
        await shape.check_target(connection)  # PostgreSQL would convert values, and say nothing
        rejects: list[Reject] = [*batch.rejects, *found.refused]
        kept = await quarantine.keep(connection, self._stream, rejects)
        left = len(rows) - found.repeated - len(found.refused)
        known = left - found.stored.inserted - found.stored.updated
        twice = batch.row_count - len(rows) + found.repeated + len(rejects) - kept
        done = self._counted(found.stored, known, twice, kept, len(found.refused))
        if batch.chunks and batch.chunks[0].again:
            await checkpoint.again(connection, self._stream)
        progress = await checkpoint.advance(connection, self._stream, self.epoch, number, batch, done)
        if progress is None:
            raise _Outdated
        await partitions.share(connection, self._stream, batch.windows)
        await partitions.advance(connection, self._stream, batch.partition, batch.checkpoint)
        failpoint("checkpoint_written")
        if batch.checkpoint.complete and await partitions.all_complete(connection, self._stream):
            await reconcile.check_counts(connection, self._stream)
            gone = await reconcile.missing(connection, self._stream)
            failpoint("final_reconcile")
            if gone:
                await partitions.reopen(connection, self._stream)
                last = batch.chunks[-1].dropped if batch.chunks else 0
                await checkpoint.reopen(connection, self._stream, last)
            else:
                await checkpoint.finish(connection, self._stream)
            done = msgspec.structs.replace(done, complete=not gone, missing=gone)
        return done, progress

    def _counted(self, stored: Stored, known: int, twice: int, kept: int, refused: int) -> Committed:
        return Committed(
            rows=stored.inserted,
            updated=stored.updated,
            unchanged=0 if self._target.keeps_known else known,
            duplicates=twice + (known if self._target.keeps_known else 0),
            quarantined=kept,
            refused=refused,
        )

    async def _outcome(self, writer: Writer, batch: Batch, number: int) -> Committed | None:
        """What a batch did that is in already; None if it isn't in.

        Raises:
            LeaseLost: another run took the stream over.
        """
        with mapped("looking whether a batch was stored"):
            connection = writer.link.connection
            found = await checkpoint.read(connection, self._stream)
            if found is None or found.epoch != self.epoch or found.batch > number:
                raise checkpoint.lost(self._stream)
            if (gone := self._progress.batch - found.batch) > 0:
                raise CommitsLost(
                    f"the server took back the last {gone:,} batches: it crashed, or another one is in its place",
                    hint="run again: what was lost is read again; with --durable a commit waits for the disk",
                )
            if found.batch < number:
                return None
            # Nobody but this batch came after the last progress: it is the last one committed, and its own turn.
            done = found.since(self._progress)
            # Reopened: it was the last one, and something is missing.
            if batch.checkpoint.complete and not await partitions.is_complete(
                connection, self._stream, batch.partition
            ):
                done = msgspec.structs.replace(done, missing=await reconcile.missing(connection, self._stream))
            self._progress = found
            return done


def _obey_cancellation(error: Exception) -> None:
    """Where the rollback of a transaction that is given up fails, its error hides the cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error
