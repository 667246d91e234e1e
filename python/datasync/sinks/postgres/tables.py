"""Tables of a run's own shape: made where they are missing."""

from collections.abc import Sequence
from typing import Final

from datasync.model import Column
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import shape
from datasync.sinks.postgres.names import TableName, quoted

_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('datasync:table:' || $1, 0))"

STORED_AT: Final = "ingested_at"
"""Tells when a row was first stored; added where no column has that name."""


def definition(column: Column, *, required: bool) -> str:
    """A column in CREATE TABLE. Text keys are compared by bytes, which is what they are."""
    collation = ' COLLATE "C"' if column.key and column.kind == "text" else ""
    return f"{quoted(column.name)} {column.kind}{collation}{' NOT NULL' if required else ''}"


async def make(connection: Connection, table: TableName, columns: Sequence[Column], key: Sequence[str]) -> None:
    """Make `table` unless it is there. Belongs into a transaction. Safe beside others that make it.

    Args:
        connection: in a transaction.
        table: to make.
        columns: that are filled.
        key: the primary key; none where it is empty.

    Raises:
        SchemaMismatch: somebody else made it meanwhile, in another shape.
    """
    await connection.execute("SELECT set_config('lock_timeout', '10s', true)")
    await connection.execute(_ALONE, str(table))
    if await shape.check_table(connection, table, columns, key):
        return
    parts = [definition(column, required=column.required or column.key) for column in columns]
    if STORED_AT not in {column.name for column in columns}:
        parts.append(f"{STORED_AT} timestamptz DEFAULT now()")
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, key))})")
    await connection.execute(f"CREATE TABLE {table.sql} ({', '.join(parts)})")
