"""Finds the rows that the database refuses, by halving, each piece under a savepoint."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeAlias

import asyncpg

from datasync.errors import RowsRefused
from datasync.model import Reject
from datasync.postgres.connection import Connection
from datasync.postgres.errors import refusal_code, refuses_rows
from datasync.sinks.postgres import staging
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.rows import Place, Rows
from datasync.sinks.postgres.target import Stored, Target

HOPELESS: Final = 100
"""Rows refused one after the other, with none accepted, after which as many all over the rest are tried: if they are
refused as well, it is the table that is wrong, not the rows."""

Refusals: TypeAlias = Mapping[Place, asyncpg.PostgresError]
"""Rows that can't be stored, and why."""

Unit: TypeAlias = Sequence[int]
"""Numbers of rows that are stored together: of several with one key the database tells which one is left."""


class Attempts:
    """Stores some rows, or none of them, in a transaction that goes on either way."""

    def __init__(self, connection: Connection, target: Target, staged: TableName, *, circular: bool) -> None:
        """Take the table that rows are `staged` in, which is empty, and whether rows of the target name each other."""
        self._connection = connection
        self._staging = staged
        self.target = target
        self.circular = circular

    async def keep(self, rows: Rows, numbers: Sequence[int]) -> Stored | asyncpg.PostgresError:
        """Store the rows of these numbers, or give the rule that refuses one of them."""
        try:
            async with self._connection.transaction():
                stored = await self._store(rows, numbers)
                await staging.clear(self._connection, self._staging)
                return stored
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            return error

    async def refusal(self, rows: Rows, number: int) -> asyncpg.PostgresError | None:
        """The rule that refuses a row; None if it would be stored. Stores nothing."""
        attempt = self._connection.transaction()
        await attempt.start()
        try:
            await self._store(rows, [number])
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            return error
        finally:
            await attempt.rollback()
        return None

    async def _store(self, rows: Rows, numbers: Sequence[int]) -> Stored:
        for start, stop in _runs(sorted(numbers)):
            await rows.copy(self._connection, self._staging, self.target.names, start, stop)
        if self.target.appends:
            return await self.target.insert(self._connection, self._staging)
        return await self.target.upsert(self._connection, self._staging, repeats=bool(rows.repeated))


class Halving:
    """Stores some of the `rows`, and finds those that are `refused`, by their numbers."""

    def __init__(self, attempts: Attempts, rows: Rows, known: Refusals) -> None:
        """Take the refusals that are `known` already."""
        self._attempts = attempts
        self._rows = rows
        places = [rows.place(row) for row in range(len(rows) if known else 0)]
        self._known = {row: known[place] for row, place in enumerate(places) if place in known}
        self._hopes = True
        self.refused: dict[int, asyncpg.PostgresError] = {}

    async def put(self, units: Sequence[Unit]) -> Stored:
        """Store the rows of `units`, which ascend.

        Raises:
            RowsRefused: the table refuses every row.
        """
        self.refused |= {row: self._known[row] for unit in units for row in unit if row in self._known}
        left = [[row for row in unit if row not in self._known] for unit in units]
        stored = await self._piece([unit for unit in left if unit])
        # A row that names another one of the table is refused until that one is there.
        waiting = self._waiting(units)
        while waiting:
            for row in (row for unit in waiting for row in unit):
                del self.refused[row]
            before = len(waiting)
            stored += await self._piece(waiting[::-1])  # in one pass, where each names a later one
            waiting = self._waiting(waiting)
            if len(waiting) == before:
                break
        return stored

    def rejects(self) -> list[Reject]:
        """The records of the refused rows."""
        # The message may quote the row; the record itself stands beside it anyway.
        return [self._rows.reject(row, refusal_code(error), str(error)) for row, error in sorted(self.refused.items())]

    def places(self) -> frozenset[Place]:
        """Of the refused rows."""
        return frozenset(map(self._rows.place, self.refused))

    def _waiting(self, units: Sequence[Unit]) -> list[Unit]:
        """Of these, those that may have been refused only because a row that they name wasn't there."""
        if not self._attempts.circular:
            return []
        found = (
            [row for row in unit if isinstance(self.refused.get(row), asyncpg.ForeignKeyViolationError)]
            for unit in units
        )
        return [unit for unit in found if unit]

    async def _piece(self, units: Sequence[Unit]) -> Stored:
        if not units:
            return Stored()
        stored = await self._attempts.keep(self._rows, [row for unit in units for row in unit])
        if isinstance(stored, Stored):
            return stored
        if len(units) == 1:
            return await self._unit(units[0], stored)
        middle = len(units) // 2
        first = await self._piece(units[:middle])
        return first + await self._piece(units[middle:])

    async def _unit(self, unit: Unit, error: asyncpg.PostgresError) -> Stored:
        """Store what can be stored of a unit that was refused as a whole."""
        bad: dict[int, asyncpg.PostgresError] = {}
        for row in unit if len(unit) > 1 else ():
            if found := await self._attempts.refusal(self._rows, row):
                bad[row] = found
        if not bad:
            bad = dict.fromkeys(unit, error)
        self.refused |= bad
        if self._hopes and unit[-1] + 1 == len(self.refused) >= HOPELESS:
            self._hopes = False
            if not await self._takes_any(unit[-1] + 1):
                raise hopeless(self._attempts.target.into, error) from error
        good = [row for row in unit if row not in bad]
        return await self._piece([good]) if good else Stored()

    async def _takes_any(self, start: int) -> bool:
        """Whether the database takes one of the rows from `start` on. Stores nothing."""
        for row in _spread(start, len(self._rows)):
            if await self._attempts.refusal(self._rows, row) is None:
                return True
        return False


def hopeless(table: TableName, error: asyncpg.PostgresError) -> RowsRefused:
    """The error of a table that refuses everything, as with this `error`."""
    return RowsRefused(
        f"`{table}` refused each of the first {HOPELESS} records, the last with: {error} (SQLSTATE {error.sqlstate})",
        hint="look at the constraints and triggers of the table; nothing of this batch was stored or quarantined",
        sqlstate=error.sqlstate or "",
    )


async def names_itself(connection: Connection, table: TableName) -> bool:
    """Whether a foreign key of the table refers to the table."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND confrelid = conrelid)", table.sql
    )
    return found


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where numbers that ascend follow one on the other: the first of them, and the one behind the last."""
    for _, run in groupby(enumerate(numbers), lambda found: found[1] - found[0]):
        found = [number for _, number in run]
        yield found[0], found[-1] + 1


def _spread(start: int, stop: int) -> range:
    """At most `HOPELESS` numbers, evenly over these, the last one among them."""
    return range(stop - 1, start - 1, -max(1, -(-(stop - start) // HOPELESS)))
