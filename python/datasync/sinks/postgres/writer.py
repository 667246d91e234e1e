"""One writer: a connection with a staging table, and the ways in which it puts a batch's rows into the target."""

from typing import Final

import asyncpg

from datasync.config.schema import WriteSettings
from datasync.errors import SinkError
from datasync.failpoints import failpoint
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.postgres.untimed import untimed
from datasync.sinks.postgres import careful, staging
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.halving import Refusals
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.put import Put
from datasync.sinks.postgres.rows import Rows
from datasync.sinks.postgres.savepoint import savepoint
from datasync.sinks.postgres.target import Stored, Target
from datasync.sinks.postgres.turns import Turns

# For this transaction alone: a pooler may give the next one to another server process, and a role's own settings, made
# for its queries, must not end a load half way.
# Without a parameter, so that it takes one round trip.
_SETTINGS: Final = """
SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s';
SET LOCAL idle_in_transaction_session_timeout = '300s'; SET LOCAL jit = off; SET LOCAL synchronous_commit = {}; {}
"""


class Writer:
    """Writes one batch at a time."""

    def __init__(self, link: Link, number: int, target: Target, habit: Habit, settings: WriteSettings) -> None:
        """Take the writer's `number`, from 0, and the `habit` that all writers of the target have in common."""
        self.link = link
        self._number = number
        self._target = target
        self._habit = habit
        self._settings = settings
        self._staging = staging.first(target.table)
        self._used = False

    async def prepare(self) -> None:
        """Take a staging table. The connection is new."""
        with mapped("preparing the tables"):
            self._staging = await staging.claim(
                self.link.connection,
                self._target.table,
                self._target.columns,
                pooled=self.link.pooled,
                number=self._number,
            )

    async def begin(self, *, last: bool) -> None:
        """Make the settings of a transaction that was begun; the `last` one waits for the disk."""
        durable = last or self._settings.durable
        connection = self.link.connection
        settings = _SETTINGS.format("on" if durable else "off", self.link.noticing)
        await connection.execute(f"{settings}; {untimed(connection)}")

    async def put(self, rows: Rows, number: int, turns: Turns) -> Put:
        """Put `rows` into the target, in the batch's transaction. When it returns it is the batch's turn.

        Raises:
            RowsRefused: by a rule of the database. The transaction is broken; call `put_careful` in another one.
        """
        connection = self.link.connection
        if self._target.appends:
            return await self._append(connection, rows, number, turns)
        new = not rows.repeated
        if len(rows) and new and self._habit.direct:
            if await turns.crosses(number, rows):
                await turns.mine(number)
            if stored := await self._direct(connection, rows):
                await turns.mine(number)
                return Put(stored)
            new = False
        if self._habit.ask_first:
            rows = await self._unknown(connection, rows)
        if not len(rows):
            await turns.mine(number)
            return Put(Stored())
        await staging.own(connection, self._staging)
        await rows.copy(connection, self._staging, self._target.names, 0, len(rows))
        await turns.mine(number)
        stored = await self._move(connection, rows, new=new and self._habit.plain)
        self._used = True
        return Put(stored, repeated=rows.repeated)

    async def _append(self, connection: Connection, rows: Rows, number: int, turns: Turns) -> Put:
        """COPY into the target itself, or by way of staging where that isn't the same as INSERT."""
        if not (self._habit.direct and self._habit.traits.copies):
            await turns.mine(number)  # the target may have this one wait for the other, or the other for this one
        stored = Stored()
        if len(rows) and self._habit.traits.copies:
            stored = Stored(await rows.copy(connection, self._target.into, self._target.names, 0, len(rows)))
        elif len(rows):
            await staging.own(connection, self._staging)
            await rows.copy(connection, self._staging, self._target.names, 0, len(rows))
            stored = await self._target.insert(connection, self._staging)
            self._used = True
        await turns.mine(number)
        return Put(stored)

    async def tidy(self) -> None:
        """Empty the staging table of the last batch, in a transaction of its own, while another batch has its turn.

        A commit that empties a table waits for the disk. In the batch's transaction the next one would wait, too. What
        is left there by a run that was killed in between is removed before the table is used again.
        """
        if not self._used:
            return
        self._used = False
        try:
            with mapped("emptying a staging table"):
                connection = self.link.connection
                async with connection.transaction(isolation="read_committed"):
                    await connection.execute("SELECT set_config('lock_timeout', '10s', true)")
                    await staging.clear(connection, self._staging)
        except SinkError:
            self.link.cut()  # the batch is in; whatever is wrong, the next one finds out

    async def put_careful(self, rows: Rows, every: Rows, known: Refusals, number: int, turns: Turns) -> Put:
        """Like `put`, but leave out the rows that the database refuses; see `careful.put`."""
        await turns.mine(number)
        failpoint("bisect")
        return await careful.put(self.link.connection, self._target, self._staging, rows, every, known)

    async def _direct(self, connection: Connection, rows: Rows) -> Stored | None:
        """COPY into the target itself. None, and nothing done, if a key is there already."""
        try:
            async with savepoint(connection):
                inserted = await rows.copy(connection, self._target.into, self._target.names, 0, len(rows))
        except asyncpg.UniqueViolationError:
            self._habit.met_known()
            return None
        self._habit.met_none()
        return Stored(inserted)

    async def _move(self, connection: Connection, rows: Rows, *, new: bool) -> Stored:
        """Move what is staged into the target; where all rows are likely to be `new`, the faster way first."""
        if new:
            try:
                async with savepoint(connection):
                    stored = await self._target.insert(connection, self._staging)
            except asyncpg.UniqueViolationError:
                self._habit.met_known()
            else:
                self._habit.met_none()
                return stored
        return await self._target.upsert(connection, self._staging, repeats=bool(rows.repeated))

    async def _unknown(self, connection: Connection, rows: Rows) -> Rows:
        """The rows whose keys the target doesn't have. Cheaper than to send what will be left out anyway."""
        return rows.only(await self._target.unknown(connection, rows.keys()))
