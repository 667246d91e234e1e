"""Rows out of quarantine into the table, each with the elements of its lists or not at all."""

from collections.abc import Mapping, Sequence

import asyncpg
import msgspec

from datasync.errors import SchemaMismatch
from datasync.model import Column, Row
from datasync.postgres.connection import Connection
from datasync.postgres.errors import refusal_code, refuses_rows
from datasync.sinks.postgres import checkpoint, shape, swap
from datasync.sinks.postgres.children import plain
from datasync.sinks.postgres.names import TableName, quoted, table_name
from datasync.sinks.postgres.savepoint import savepoint


class Elements(msgspec.Struct, frozen=True):
    """Where the elements of one list go."""

    table: TableName
    columns: Sequence[Column]


class Place(msgspec.Struct, frozen=True):
    """Where rows of a stream are.

    Attributes:
        table: that they go to.
        keyed: they are known by a unique key there.
        lists: the tables of lists inside of records.
    """

    table: TableName
    keyed: bool
    lists: Sequence[Elements] = ()


class Passed(msgspec.Struct, frozen=True):
    """A record that passes: its row, and for each list the rows of its elements."""

    row: Row
    elements: Sequence[Sequence[Row]] = ()


async def place(
    connection: Connection, stream: str, columns: Sequence[Column], lists: Mapping[str, Sequence[Column]]
) -> Place:
    """Find where the stream's rows go: its table, or where they wait to take the place of what is there.

    Raises:
        SchemaMismatch: a table has another shape, or a list's is missing.
    """
    origin = await checkpoint.origin(connection, stream)
    table = table_name(checkpoint.DEFAULT if origin is None else origin[1])
    if await swap.pending(connection, table, stream):
        table = swap.place(table)
    await shape.check_columns(connection, table, columns)
    key = [column.name for column in columns if column.key]
    if lists:
        await shape.check_key(connection, table, key)
    found = [Elements(table_name(name), of) for name, of in lists.items()]
    for one in found:
        if not await shape.check_columns(connection, one.table, one.columns):
            raise SchemaMismatch(f"there is no table `{one.table}`", hint="run `datasync ingest`: it makes the table")
    return Place(table, bool(key) and await shape.has_key(connection, table, key), found)


async def insert(
    connection: Connection, into: Place, columns: Sequence[Column], rows: Mapping[int, Passed]
) -> tuple[int, dict[int, tuple[str, str]]]:
    """Insert rows by their ids; give the number of new ones, and code and detail of those that the database refuses."""
    rest = _Insertion(connection, into, columns)
    ids = list(rows)
    if into.keyed:
        # By their keys, as all writers: each locks rows in one order.
        ids.sort(key=lambda one: rows[one].row[rest.key])  # type: ignore[arg-type,return-value]  # of one kind: they compare
    try:
        async with savepoint(connection):
            return await rest([rows[id] for id in ids]), {}
    except (asyncpg.PostgresError, _LeftOut) as error:
        if not _stays(error):
            raise
    stored, refused = 0, dict[int, asyncpg.PostgresError | _LeftOut]()
    waiting = ids
    while waiting:
        for id in waiting:
            refused.pop(id, None)
            try:
                async with savepoint(connection):
                    stored += await rest([rows[id]])
            except (asyncpg.PostgresError, _LeftOut) as error:
                if not _stays(error):
                    raise
                refused[id] = error
        # One may name another one that was stored after it.
        before = len(waiting)
        waiting = [id for id in waiting if isinstance(refused.get(id), asyncpg.ForeignKeyViolationError)]
        if len(waiting) == before:
            break
    return stored, {id: (_code(error), str(error)) for id, error in refused.items()}


class _LeftOut(Exception):
    """A row was neither stored nor refused, nor is one with its key there: it must not leave quarantine."""

    def __init__(self) -> None:
        super().__init__("a trigger or rule of the table's owner leaves the row out")


def _stays(error: asyncpg.PostgresError | _LeftOut) -> bool:
    return isinstance(error, _LeftOut) or refuses_rows(error)


def _code(error: asyncpg.PostgresError | _LeftOut) -> str:
    return "left_out" if isinstance(error, _LeftOut) else refusal_code(error)


class _Insertion:
    """Inserts records whose keys aren't there, with their elements. Gives the number of those. Raises _LeftOut."""

    def __init__(self, connection: Connection, into: Place, columns: Sequence[Column]) -> None:
        self._connection = connection
        self._lists = into.lists
        self.key = next((index for index, column in enumerate(columns) if column.key), 0)
        column = columns[self.key]
        key = quoted(column.name)
        known = f" ON CONFLICT ({key}) DO NOTHING" if into.keyed else ""
        self._insert = f"{_insert(into.table, columns)}{known} RETURNING {key}"
        there = f"SELECT count(*) FROM {into.table.sql} WHERE {key} = ANY($1::{column.kind}[])"
        self._there = there if into.keyed else None

    async def __call__(self, records: Sequence[Passed]) -> int:
        if not records:
            return 0
        stored = await self._connection.fetchmany(self._insert, [record.row for record in records])
        if len(stored) < len(records) and await self._lacks(records):
            raise _LeftOut
        if self._lists:
            await self._elements(records, {plain(row[0]) for row in stored})
        return len(stored)

    async def _lacks(self, records: Sequence[Passed]) -> bool:
        """Whether the table lacks one of the records, now that all were inserted or known."""
        if self._there is None:
            return True
        keys = list({record.row[self.key] for record in records})
        there: int = await self._connection.fetchval(self._there, keys)
        return there < len(keys)

    async def _elements(self, records: Sequence[Passed], keys: set[object]) -> None:
        """Elements of records that stay as they were stay as well, and of equal keys the first one was stored."""
        new: dict[object, Sequence[Sequence[Row]]] = {}
        for record in records:
            key = record.row[self.key]
            if key in keys:
                new.setdefault(key, record.elements)
        for number, one in enumerate(self._lists):
            parent = one.columns[0]
            await self._connection.execute(
                f"DELETE FROM {one.table.sql} WHERE {quoted(parent.name)} = ANY($1::{parent.kind}[])", list(new)
            )
            rows = [row for elements in new.values() for row in elements[number]]
            await self._connection.executemany(_insert(one.table, one.columns), rows)


def _insert(table: TableName, columns: Sequence[Column]) -> str:
    names = ", ".join(quoted(column.name) for column in columns)
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"INSERT INTO {table.sql} ({names}) VALUES ({places})"
