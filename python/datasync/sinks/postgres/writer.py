"""One writer: a connection with a staging table, and the ways in which it puts a batch's rows into the target."""

from typing import Any, Final

import asyncpg
import msgspec

from datasync.config.schema import WriteSettings
from datasync.errors import RowsRefused, SinkError
from datasync.failpoints import failpoint
from datasync.model import Reject
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped, refusal_code, refuses_rows
from datasync.sinks.postgres import shape, staging
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.rows import Rows
from datasync.sinks.postgres.target import Stored, Target
from datasync.sinks.postgres.turns import Turns

HOPELESS: Final = 100
"""Rows refused one after the other, with none accepted, after which as many all over the rest are tried: if they are
refused as well, it is the table that is wrong, not the rows."""

# For this transaction alone: a pooler may give the next one to another server process, and a role's own settings, made
# for its queries, must not end a load half way.
# Without a parameter, so that it takes one round trip.
_SETTINGS: Final = """
SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s';
SET LOCAL idle_in_transaction_session_timeout = '300s'; SET LOCAL jit = off; SET LOCAL synchronous_commit = {}
"""


class Put(msgspec.Struct, frozen=True):
    """What became of a batch's rows.

    Attributes:
        stored: by statements.
        refused: by rules of the database, as records to quarantine.
        repeated: left out because a newer row of the batch has the same key.
        refused_keys: of which no row was stored.
        tried: further rows of the batch that were tried in the place of refused ones of the same key.
    """

    stored: Stored
    refused: tuple[Reject, ...] = ()
    repeated: int = 0
    refused_keys: tuple[Any, ...] = ()
    tried: int = 0


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
        await self.link.connection.execute(_SETTINGS.format("on" if durable else "off"))

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
        if not (self._habit.direct and self._habit.copies):
            await turns.mine(number)  # the target may have this one wait for the other, or the other for this one
        stored = Stored()
        if len(rows) and self._habit.copies:
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
                async with connection.transaction():
                    await connection.execute("SELECT set_config('lock_timeout', '10s', true)")
                    await staging.clear(connection, self._staging)
        except SinkError:
            self.link.cut()  # the batch is in; whatever is wrong, the next one finds out

    async def put_careful(self, rows: Rows, every: Rows, number: int, turns: Turns) -> Put:
        """Like `put`, but find the rows that the database refuses, by halving, and leave them out.

        `every` has all rows of the batch: the next one of the same key takes the place of a refused one.

        Raises:
            RowsRefused: it refuses every row.
        """
        await turns.mine(number)
        failpoint("bisect")
        connection = self.link.connection
        # Else it may be that which refuses.
        await shape.check_columns(connection, self._target.into, self._target.columns)
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the COMMIT would be refused, and no row named
        await staging.own(connection, self._staging)
        refused: dict[int, Reject] = {}
        stored = await self._piece(connection, rows, 0, len(rows), refused)
        keys = rows.keys() if refused and self._target.key is not None else []
        gone = {keys[row] for row in refused if keys}
        more: list[Reject] = []
        tried = 0
        for key, row in self._others(every, gone if len(every) > len(rows) else set()):
            if key in gone:
                bad: dict[int, Reject] = {}
                stored += await self._piece(connection, every, row, row + 1, bad)
                more += bad.values()
                tried += 1
                if not bad:
                    gone.remove(key)
        return Put(stored, (*refused.values(), *more), refused_keys=tuple(gone), tried=tried)

    def _others(self, every: Rows, keys: set[Any]) -> list[tuple[Any, int]]:
        """The rows of `keys` but for those that came first in line, in the order of their lines."""
        lines: dict[Any, list[int]] = {key: [] for key in keys}
        for row, key in enumerate(every.keys() if keys else []):
            if key in lines:
                lines[key].append(row)
        if not self._target.keeps_known:
            lines = {key: rows[::-1] for key, rows in lines.items()}
        return [(key, row) for key, rows in lines.items() for row in rows[1:]]

    async def _direct(self, connection: Connection, rows: Rows) -> Stored | None:
        """COPY into the target itself. None, and nothing done, if a key is there already."""
        try:
            async with connection.transaction():
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
                async with connection.transaction():
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

    async def _takes_any(self, connection: Connection, rows: Rows, start: int) -> bool:
        """Whether the database takes one of the rows from `start` on. Stores nothing."""
        for row in _spread(start, len(rows)):
            attempt = connection.transaction()
            await attempt.start()
            try:
                await self._try(connection, rows, row, row + 1)
            except asyncpg.PostgresError as error:
                if not refuses_rows(error):
                    raise
            else:
                return True
            finally:
                await attempt.rollback()
        return False

    async def _try(self, connection: Connection, rows: Rows, start: int, stop: int) -> Stored:
        await rows.copy(connection, self._staging, self._target.names, start, stop)
        if self._target.appends:
            return await self._target.insert(connection, self._staging)
        return await self._target.upsert(connection, self._staging, repeats=bool(rows.repeated))

    async def _piece(
        self, connection: Connection, rows: Rows, start: int, stop: int, refused: dict[int, Reject]
    ) -> Stored:
        try:
            async with connection.transaction():
                stored = await self._try(connection, rows, start, stop)
                await staging.clear(connection, self._staging)
                return stored
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            if stop - start == 1:
                refused[start] = _refused(rows, start, error)
                if start + 1 == len(refused) == HOPELESS and not await self._takes_any(connection, rows, stop):
                    raise _hopeless(self._target.into, error) from error
                return Stored()
        middle = (start + stop) // 2
        first = await self._piece(connection, rows, start, middle, refused)
        return first + await self._piece(connection, rows, middle, stop, refused)


def _spread(start: int, stop: int) -> range:
    """At most `HOPELESS` numbers, evenly over these, the last one among them."""
    return range(stop - 1, start - 1, -max(1, -(-(stop - start) // HOPELESS)))


def _refused(rows: Rows, row: int, error: asyncpg.PostgresError) -> Reject:
    # The message may quote the row; the record itself stands beside it anyway.
    return rows.reject(row, refusal_code(error), str(error))


def _hopeless(table: TableName, error: asyncpg.PostgresError) -> RowsRefused:
    return RowsRefused(
        f"`{table}` refused each of the first {HOPELESS} records, the last with: {error} (SQLSTATE {error.sqlstate})",
        hint="look at the constraints and triggers of the table; nothing of this batch was stored or quarantined",
        sqlstate=error.sqlstate or "",
    )
