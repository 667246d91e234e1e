"""A batch into the database: one transaction, repeated until it is in, counted once."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from datasync.errors import CommitsLost, RowsRefused, SinkConflict, SinkUnavailable
from datasync.model import Batch, Committed
from datasync.postgres.errors import mapped
from datasync.sinks import lease
from datasync.sinks.postgres import changed, checkpoint, children, left_out
from datasync.sinks.postgres.account import Account, Outdated
from datasync.sinks.postgres.checkpoint import Progress
from datasync.sinks.postgres.children import Children, Places
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.patience import Patience
from datasync.sinks.postgres.put import Put
from datasync.sinks.postgres.rows import Place, Rows, sort
from datasync.sinks.postgres.savepoint import savepoint
from datasync.sinks.postgres.target import Target
from datasync.sinks.postgres.transaction import committing
from datasync.sinks.postgres.turns import GiveWay, Turns
from datasync.sinks.postgres.writer import Writer


class Store:
    """Stores the batches of one stream, by several writers, in order.

    A batch whose outcome is unknown, because the connection broke while it was committed, is looked up by its number.
    """

    def __init__(
        self,
        stream: str,
        target: Target,
        children: Children,
        progress: Progress,
        habit: Habit,
        patience: Callable[[], Patience],
        renew: Callable[[Writer], Awaitable[None]],
    ) -> None:
        """Take the stream's `progress`, and `renew`, which makes a writer's connection anew."""
        self._stream = stream
        self._target = target
        self._account = Account(stream, target)
        self._children = children
        self._progress = progress
        self._turns = Turns(progress.batch)
        self._habit = habit
        self._patience = patience
        self._renew = renew
        self._idle: asyncio.Queue[Writer] = asyncio.Queue()
        self._writers = 0
        self._told: dict[int, Committed] = {}  # what the last attempt at a batch did, if it was committed

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
            CommitsLost: the server took back earlier batches; nothing was stored.
            SinkError: nothing was stored.
        """
        return self._commit(batch, self._turns.take())

    async def _commit(self, batch: Batch, number: int) -> Committed:
        await self._turns.near(number, self._writers)
        every = await asyncio.to_thread(sort, batch.chunks, self._target.columns)
        rows = self._target.one_of_each(every)
        await self._turns.writes(number, rows)
        writer = await self._idle.get()
        try:
            await writer.tidy()
            await self._persist(writer, batch, rows, every, number)
        finally:
            self._idle.put_nowait(writer)
        # Nothing is awaited between this and the caller's next step: results come in the order of the batches.
        await self._turns.over(number)
        return self._told.pop(number)

    async def _persist(self, writer: Writer, batch: Batch, rows: Rows, every: Rows, number: int) -> None:
        patience = self._patience()
        refusing = outdated = False
        while True:
            try:
                if not writer.link.usable:
                    await self._renew(writer)
                    outdated |= await self._is_in(writer, number)
                if outdated:
                    return await self._agree(writer, number)
                async with changed.told(writer.link, self._target):
                    return await self._attempt(writer, batch, rows, number, every=every if refusing else None)
            except Outdated:
                outdated = True
            except GiveWay:
                await self._turns.mine(number, holding=False)
            except RowsRefused:
                if refusing:
                    raise
                refusing = True
            except (SinkUnavailable, SinkConflict) as error:
                self._habit.met_conflict()
                if isinstance(error, SinkUnavailable):
                    writer.link.cut()
                else:
                    await self._turns.give_way(number)
                _obey_cancellation(error)
                await patience.wait(error)

    async def _attempt(self, writer: Writer, batch: Batch, rows: Rows, number: int, *, every: Rows | None) -> None:
        """Store `rows`; where one of them is refused, `every` row of the batch is needed."""
        connection = writer.link.connection
        with mapped("storing a batch"):
            async with committing(connection):
                await writer.begin(last=batch.checkpoint.complete)
                if nested := children.present(batch):
                    await self._turns.mine(number)  # which parents are there is known once the batch before is in
                before = await self._children.before(connection, batch) if nested else {}
                if every is not None:
                    found = await self._carefully(writer, batch, rows, every, number, before if nested else None)
                else:
                    found = await writer.put(rows, number, self._turns)
                    if nested:
                        await self._children.store(connection, batch, before, found)
                left = await left_out.count(connection, self._target, rows, found, fires=self._habit.traits.fires)
                self._told[number], progress = await self._account.enter(
                    connection, batch, rows, found, epoch=self.epoch, number=number
                )
        self._progress = progress
        left_out.warn(self._target.into, left)
        self._habit.stored(rows=len(rows), inserted=found.stored.inserted)

    async def _carefully(
        self, writer: Writer, batch: Batch, rows: Rows, every: Rows, number: int, before: Places | None
    ) -> Put:
        """Store what the database takes; `before` is None where records have no lists."""
        known: dict[Place, asyncpg.PostgresError] = {}
        while True:
            async with savepoint(writer.link.connection) as attempt:
                found = await writer.put_careful(rows, every, known, number, self._turns)
                if before is None:
                    return found
                bad = await self._children.store(writer.link.connection, batch, before, found, careful=True)
                if not bad:
                    return found
                attempt.take_back()  # a record is stored with its elements or not at all
            assert bad.keys() - known.keys()  # what is known was left out
            known |= bad

    async def _agree(self, writer: Writer, number: int) -> None:
        """Make sure that a batch is in that the stream's row seems to count already.

        Raises:
            LeaseLost: it isn't: another run took the stream over.
        """
        if not await self._is_in(writer, number):
            raise lease.lost(self._stream)

    async def _is_in(self, writer: Writer, number: int) -> bool:
        """Whether a batch is stored.

        Raises:
            LeaseLost: another run took the stream over.
            CommitsLost: not even those before it are there any more.
        """
        known = self._progress.batch  # before the question: another writer may commit before its answer is read
        with mapped("looking whether a batch was stored"):
            found = await checkpoint.read(writer.link.connection, self._stream)
        if found is None or found.epoch != self.epoch or found.batch > number:
            raise lease.lost(self._stream)
        if (gone := known - found.batch) > 0:
            raise CommitsLost(
                f"the server took back the last {gone:,} batches: it crashed, or another one is in its place",
                hint="run again: what was lost is read again; with --durable a commit waits for the disk",
            )
        if found.batch < number:
            return False
        # Only this run can have committed it, and none comes after it before this one's turn is over.
        self._progress = found
        return True


def _obey_cancellation(error: Exception) -> None:
    """Where the rollback of a transaction that is given up fails, its error hides the cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error
