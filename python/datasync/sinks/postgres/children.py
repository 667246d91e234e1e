"""Elements of lists inside of records: each list is a table of its own, written in the transaction of its parents."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

from datasync.config.columns import PARENT, POSITION, of_elements
from datasync.config.spec import Child
from datasync.errors import SchemaMismatch
from datasync.model import Batch, ChildRows, Chunk, Column, Row
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import shape, tables
from datasync.sinks.postgres.names import TableName, quoted, table_name
from datasync.sinks.postgres.target import Target

KEY: Final = (PARENT, POSITION)
"""Of each such table."""

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
        self._tables = {child.table: (table_name(child.table), of_elements(child, key)) for child in lists if key}

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

    async def store(self, connection: Connection, batch: Batch, before: Places, refused: Sequence[Any]) -> None:
        """Store the elements of the batch's records. Belongs into its transaction, after its rows.

        Args:
            connection: in the transaction.
            batch: that is stored.
            before: as `before` gave it.
            refused: keys of parents that the database refused.

        Raises:
            SchemaMismatch: a table is there in another shape.
        """
        after = await self._places(connection, list(before.keys() | {p for one in _all(batch) for p in one.parents}))
        left_out = {_plain(key) for key in refused}
        for name in {one.table for one in _all(batch)}:
            table, columns = self._tables[name]
            # PostgreSQL would convert values, and say nothing.
            if not await shape.check_columns(connection, table, columns):
                raise SchemaMismatch(f"the table `{table}` is gone", hint="run again: it is made at the start")
            elements = {
                parent: rows
                for parent, rows in self._winners(batch, name).items()
                if parent in after and parent not in left_out and self._is_new(before.get(parent), after[parent])
            }
            await self._replace(connection, table, columns, elements)

    async def _places(self, connection: Connection, parents: Sequence[Any]) -> dict[Any, str]:
        key = self._target.key
        assert key is not None  # the sink sees to it
        name = quoted(key.name)
        rows = await connection.fetch(
            f"SELECT {name}, ctid::text FROM {self._target.into.sql} WHERE {name} = ANY($1::{key.kind}[])", parents
        )
        return {_plain(row[0]): row[1] for row in rows}

    def _is_new(self, before: str | None, after: str) -> bool:
        """Whether the batch's version of a parent counts; where it looks the same, its elements need not."""
        return before != after or self._target.rule in ("update", "update_if_changed")

    def _winners(self, batch: Batch, table: str) -> dict[Any, list[Row]]:
        """The elements of each parent; of one that comes twice those of the version that is stored."""
        found: dict[Any, tuple[Any, list[Row]]] = {}
        for chunk in batch.chunks:
            newer = self._newer(chunk)
            for one in (one for one in chunk.children if one.table == table):
                for number, (parent, rows) in enumerate(_grouped(one)):
                    rank = newer[number] if number < len(newer) else None
                    if parent not in found or self._wins(found[parent][0], rank):
                        found[parent] = rank, rows
        return {parent: rows for parent, (_, rows) in found.items()}

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


def present(batch: Batch) -> bool:
    """Whether a batch has elements of lists, or parents that might have had some."""
    return any(chunk.children for chunk in batch.chunks)


def _all(batch: Batch) -> Iterator[ChildRows]:
    return (one for chunk in batch.chunks for one in chunk.children)


def _grouped(children: ChildRows) -> Iterator[tuple[Any, list[Row]]]:
    """The elements of each parent, in the order of the parents."""
    at = 0
    for parent in children.parents:
        rows: list[Row] = []
        while at < len(children.rows) and children.rows[at][:2] == (parent, len(rows)):
            rows.append(children.rows[at])
            at += 1
        yield parent, rows


def _plain(key: Any) -> Any:
    """A key as the record lane has it: the database gives a uuid as an object."""
    return key if isinstance(key, (int, str)) else str(key)
