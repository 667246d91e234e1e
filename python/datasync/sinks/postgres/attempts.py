"""Storing some rows, or none of them, in a transaction that goes on either way."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import asyncpg

from datasync.postgres.connection import Connection
from datasync.postgres.errors import refuses_rows
from datasync.sinks.postgres import naming, staging
from datasync.sinks.postgres.names import TableName, quoted
from datasync.sinks.postgres.naming import ForeignKey
from datasync.sinks.postgres.rows import Rows
from datasync.sinks.postgres.savepoint import savepoint
from datasync.sinks.postgres.target import Stored, Target


class Attempts:
    """Of one batch."""

    def __init__(self, connection: Connection, target: Target, staged: TableName, naming: Sequence[ForeignKey]) -> None:
        """Take the table that rows are `staged` in, which is empty, and the keys by which rows name each other."""
        self._connection = connection
        self._staging = staged
        self._naming = naming
        self.target = target

    @property
    def circular(self) -> bool:
        """Rows of the target name each other."""
        return bool(self._naming)

    async def keep(self, rows: Rows, numbers: Sequence[int]) -> Stored | asyncpg.PostgresError:
        """Store the rows of these numbers, or give the rule that refuses one of them."""
        try:
            async with savepoint(self._connection):
                stored = await self._store(rows, numbers)
                await staging.clear(self._connection, self._staging)
                return stored
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            return error

    async def refusal(self, rows: Rows, numbers: Sequence[int]) -> asyncpg.PostgresError | None:
        """The rule that refuses one of these rows; None if all would be stored. Stores nothing."""
        try:
            async with savepoint(self._connection) as attempt:
                attempt.take_back()
                await self._store(rows, numbers)
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            return error
        return None

    async def naming_nothing(self, rows: Rows, numbers: Sequence[int]) -> set[int]:
        """Those of these rows that name one which is neither among them nor in the table. Each has a key of its own."""
        async with savepoint(self._connection) as attempt:
            attempt.take_back()
            await self._stage(rows, numbers)
            await naming.prune(self._connection, self._staging, self._naming, self.target.names)
            key = self.target.key
            assert key is not None  # `circular` is of tables with one
            left = await self._connection.fetch(f"SELECT {quoted(key.name)} FROM {self._staging.sql}")
        # The record lane has a uuid as text.
        there = {str(row[0]) for row in left}
        return {number for number, key in enumerate(rows.keys()) if str(key) not in there} & set(numbers)

    async def _stage(self, rows: Rows, numbers: Sequence[int]) -> None:
        for start, stop in _runs(sorted(numbers)):
            await rows.copy(self._connection, self._staging, self.target.names, start, stop)

    async def _store(self, rows: Rows, numbers: Sequence[int]) -> Stored:
        await self._stage(rows, numbers)
        if self.target.appends:
            return await self.target.insert(self._connection, self._staging)
        return await self.target.upsert(self._connection, self._staging, repeats=bool(rows.repeated))


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where numbers that ascend follow one on the other: the first of them, and the one behind the last."""
    for _, run in groupby(enumerate(numbers), lambda found: found[1] - found[0]):
        found = [number for _, number in run]
        yield found[0], found[-1] + 1
