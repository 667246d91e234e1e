"""Elements of lists inside of records: each list is a table of its own, written in the transaction of its parents."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

from datasync.config.columns import PARENT, POSITION, of_elements
from datasync.config.spec import Child
from datasync.errors import ConfigError, SchemaMismatch
from datasync.model import Batch, ChildRows, Chunk, Column, Row
from datasync.postgres.connection import Connection
from datasync.postgres.errors import refuses_rows
from datasync.sinks.postgres import halving, shape, tables
from datasync.sinks.postgres.names import TableName, quoted, table_name
from datasync.sinks.postgres.put import Put
from datasync.sinks.postgres.rows import Place
from datasync.sinks.postgres.savepoint import savepoint
from datasync.sinks.postgres.target import Target

KEY: Final = (PARENT, POSITION)
"""Of each such table."""

_COMPARED: Final = ("timestamptz", "bigint", "integer", "date")

Places: TypeAlias = Mapping[Any, str]
"""Where the rows of some keys are. One that is written again is elsewhere then."""


class Children:
    """Keeps the elements of a stream's records as the records are.

    Those of a record that is stored, or replaced, take the place of all that were there; those of one that stays as it
    was, by the policy, or is refused by the database, stay as well.
    """

    def __init__(self, target: Target, lists: Sequence[Child]) -> None:
        """Take the table of the parents, and the lists that are declared."""
        self._target = target
        key = target.key
        assert key is not None or not lists  # the configuration sees to it
        newer = next((column for column in target.columns if column.name == target.newer_by), None)
        if lists and newer is not None and newer.kind not in _COMPARED:
            raise ConfigError(
                f"`{target.table}` has tables of elements, and `{newer.name}`, which tells what is newer, is"
                f" `{newer.kind}`",
                hint=f"take one of {', '.join(_COMPARED)}: there Python and PostgreSQL agree on what is greater",
            )
        self._tables = {child.table: (table_name(child.table), of_elements(child, key)) for child in lists if key}

    @property
    def tables(self) -> Sequence[TableName]:
        """Those of all lists."""
        return [table for table, _ in self._tables.values()]

    async def check(self, connection: Connection) -> None:
        """Make sure that the tables which are there are ours. Writes nothing. Raises SchemaMismatch."""
        for table, columns in self._tables.values():
            await shape.check_table(connection, table, columns, KEY)

    async def make(self, connection: Connection) -> None:
        """Make the tables that are missing. Belongs into a transaction. Raises SchemaMismatch."""
        for table, columns in self._tables.values():
            await tables.make(connection, table, columns, KEY)

    async def before(self, connection: Connection, batch: Batch) -> Places:
        """Where the parents of the batch are, before it is stored. Its turn has come."""
        parents = list(dict.fromkeys(parent for one in _all(batch) for parent in one.parents))
        return await self._places(connection, parents)

    async def store(
        self,
        connection: Connection,
        batch: Batch,
        before: Places,
        found: Put,
        *,
        careful: bool = False,
    ) -> halving.Refusals:
        """Store the elements of the batch's records. Belongs into its transaction, after its rows.

        Give the records whose elements the database refuses. None of them stays as it is: what was stored of the batch
        is to be taken back, and stored without them.

        Args:
            connection: in the transaction.
            batch: that is stored.
            before: as `before` gave it.
            found: what became of its rows.
            careful: look which ones these are; else PostgreSQL's error is raised.

        Raises:
            SchemaMismatch: a table is there in another shape, or a record was stored under another key.
            RowsRefused: a table refuses all elements.
        """
        after = await self._places(connection, list(before.keys() | {p for one in _all(batch) for p in one.parents}))
        written = sum(before.get(parent) != place for parent, place in after.items())
        elsewhere = found.stored.inserted + found.stored.updated > written
        bad: dict[Place, asyncpg.PostgresError] = {}
        present = {one.table for one in _all(batch)}
        for name, (table, columns) in self._tables.items():  # as declared: a list may name elements of one before
            if name not in present:
                continue
            # PostgreSQL would convert values, and say nothing.
            if not await shape.check_columns(connection, table, columns):
                raise SchemaMismatch(f"the table `{table}` is gone", hint="run again: it is made at the start")
            every = self._winners(batch, name, found.places)
            if elsewhere and not every.keys() <= after.keys():
                raise self._under_other_keys(table, next(iter(every.keys() - after.keys())))
            winners = {
                parent: version
                for parent, version in every.items()
                if parent in after and self._is_new(before.get(parent), after[parent])
            }
            elements = {parent: version.rows for parent, version in winners.items()}
            if careful:
                refused = await self._replace_carefully(connection, table, columns, elements)
                if len(refused) == len(elements) and halving.against(refused) >= halving.HOPELESS:
                    raise halving.hopeless(table, next(iter(refused.values())))
                bad |= {winners[parent].place: error for parent, error in refused.items()}
            else:
                await self._replace(connection, table, columns, elements)
        return bad

    async def _places(self, connection: Connection, parents: Sequence[Any]) -> dict[Any, str]:
        key = self._target.key
        assert key is not None  # the sink sees to it
        name = quoted(key.name)
        rows = await connection.fetch(
            f"SELECT {name}, ctid::text FROM {self._target.into.sql} WHERE {name} = ANY($1::{key.kind}[])", parents
        )
        return {plain(row[0]): row[1] for row in rows}

    def _under_other_keys(self, table: TableName, key: Any) -> SchemaMismatch:
        return SchemaMismatch(
            f"the record `{key}` was stored in `{self._target.table}` under another key, and its elements in `{table}`"
            " would belong to none",
            hint="a trigger changes the key: have it leave the key as it comes, or change the records with a transform",
        )

    def _is_new(self, before: str | None, after: str) -> bool:
        """Whether the batch's version of a parent counts; where it looks the same, its elements need not.

        A row that is always written, and wasn't, was left as it is by a trigger.
        """
        always = self._target.rule in ("update", "update_if_changed") and not self._target.rewrites
        return before != after or always

    def _winners(self, batch: Batch, table: str, refused: AbstractSet[Place]) -> dict[Any, "_Version"]:
        """The elements of each parent; of one that comes twice those of the version that is stored."""
        found: dict[Any, _Version] = {}
        for chunk_number, chunk in enumerate(batch.chunks):
            newer = self._newer(chunk)
            for one in (one for one in chunk.children if one.table == table):
                for number, (parent, rows) in enumerate(zip(one.parents, one.grouped(), strict=True)):
                    place = chunk_number, number
                    rank = newer[number] if number < len(newer) else None
                    if place not in refused and (parent not in found or self._wins(found[parent].rank, rank)):
                        found[parent] = _Version(place, rank, rows)
        return found

    def _newer(self, chunk: Chunk) -> list[Any]:
        by = self._target.newer_by
        if by is None:
            return []
        column = self._target.names.index(by)
        return [row[column] for row in chunk.rows or ()]

    def _wins(self, old: Any, new: Any) -> bool:
        if self._target.newer_by is None:
            return not self._target.keeps_known
        return new is not None and (old is None or new > old)

    async def _replace_carefully(
        self, connection: Connection, table: TableName, columns: Sequence[Column], elements: Mapping[Any, Sequence[Row]]
    ) -> dict[Any, asyncpg.PostgresError]:
        """Replace the elements of parents, but for those that the database refuses. Give these."""
        nothing: Mapping[Any, Sequence[Row]] = dict.fromkeys(elements, ())
        try:
            async with savepoint(connection):
                await self._replace(connection, table, columns, nothing)
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            return await self._halve(connection, table, columns, elements)  # of some the old ones have to stay
        bad = await self._halve(connection, table, columns, elements)
        # Another parent's elements may have been in the way until they were refused, or not yet there.
        return (
            await self._halve(connection, table, columns, {parent: elements[parent] for parent in bad}) if bad else {}
        )

    async def _halve(
        self, connection: Connection, table: TableName, columns: Sequence[Column], elements: Mapping[Any, Sequence[Row]]
    ) -> dict[Any, asyncpg.PostgresError]:
        """Replace the elements of parents, but for those that the database refuses. Give these."""
        try:
            async with savepoint(connection):
                await self._replace(connection, table, columns, elements)
                return {}
        except asyncpg.PostgresError as error:
            if not refuses_rows(error):
                raise
            if len(elements) == 1:
                return dict.fromkeys(elements, error)
        parents = sorted(elements)
        middle = len(parents) // 2
        bad: dict[Any, asyncpg.PostgresError] = {}
        for half in parents[:middle], parents[middle:]:
            bad |= await self._halve(connection, table, columns, {parent: elements[parent] for parent in half})
        return bad

    async def _replace(
        self, connection: Connection, table: TableName, columns: Sequence[Column], elements: Mapping[Any, Sequence[Row]]
    ) -> None:
        kind = columns[0].kind
        await connection.execute(f"DELETE FROM {table.sql} WHERE {PARENT} = ANY($1::{kind}[])", sorted(elements))
        rows = list(chain.from_iterable(elements[parent] for parent in sorted(elements)))
        if rows:
            await connection.copy_records_to_table(
                table.name,
                schema_name=table.schema,
                records=[tuple(row) for row in rows],
                columns=[column.name for column in columns],
            )


class _Version(msgspec.Struct, frozen=True):
    """Of a parent: its place in the batch, what tells whether it is newer, and its elements."""

    place: Place
    rank: Any
    rows: Sequence[Row]


def present(batch: Batch) -> bool:
    """Whether a batch has elements of lists, or parents that might have had some."""
    return any(chunk.children for chunk in batch.chunks)


def _all(batch: Batch) -> Iterator[ChildRows]:
    return (one for chunk in batch.chunks for one in chunk.children)


def plain(key: Any) -> Any:
    """Give a key as the record lane has it: the database gives a uuid as an object."""
    return key if isinstance(key, (int, str)) else str(key)
