"""A staging table for each writer. UNLOGGED: it is never the only copy of anything that is acknowledged."""

import re
from collections.abc import Sequence
from typing import Final

import asyncpg

from datasync.errors import SchemaMismatch, SinkBusy, SinkError
from datasync.model import Column
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import shape
from datasync.sinks.postgres.checkpoint import DEFAULT
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.tables import definition

FIRST: Final = TableName("staging_events")
"""Of the table that there is unless told."""

MOST: Final = 64
"""Staging tables for a table: so many connections may write into it at a time."""

# Names that would be the staging table of another table's writer.
_AMBIGUOUS: Final = re.compile(r"events|.*_[0-9]+", re.DOTALL)

# The first number is "stag" in ASCII, so that the lock is nobody else's.
_CLAIM: Final = "SELECT pg_try_advisory_lock(1937006951, $1)"
_CLAIM_NAMED: Final = (
    "SELECT pg_try_advisory_lock(1937006951, hashtext(coalesce($1::text, current_schema()) || '.' || $2::text))"
)

_MAKING: Final = "SELECT pg_advisory_xact_lock(hashtextextended('datasync:staging:' || $1, 0))"

_FOUND: Final = f"""
SELECT attname::text AS name, {shape.TYPE} AS type, attnotnull,
    relpersistence = 'u' AS unlogged,
    relpersistence = 'u' AND coalesce('autovacuum_enabled=off' = ANY(reloptions), false) AS ours
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE pg_class.oid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""

# To empty it DELETE is enough, and so it is to lock it.
_LACKING: Final = """
SELECT array(
    SELECT needed FROM unnest(ARRAY['SELECT', 'INSERT', 'DELETE']) AS needed WHERE NOT has_table_privilege($1, needed)
)
"""


def first(table: TableName) -> TableName:
    """The staging table of the first writer into `table`."""
    if table.name == DEFAULT:
        return TableName(FIRST.name, table.schema)
    return table.derived(before="staging_", room=len(f"_{MOST}"), digest=bool(_AMBIGUOUS.fullmatch(table.name)))


async def claim(
    connection: Connection, table: TableName, columns: Sequence[Column], *, pooled: bool, number: int
) -> TableName:
    """Take a staging table that no other connection has, make it if need be, and give its name.

    Args:
        connection: keeps the table as long as it lives.
        table: that rows go to from there.
        columns: of the rows.
        pooled: a pooler keeps no locks between transactions. The table is then that of `number`, and others may use it
            as well: `own` makes them wait.
        number: of the writer, from 0.

    Raises:
        SinkBusy: all tables are taken.
        SchemaMismatch: a table of that name is there and isn't ours.
        SinkError: the role may not use the table.
    """
    begin = first(table)
    for place in [number] if pooled else range(MOST):
        name = begin if place == 0 else TableName(f"{begin.name}_{place + 1}", begin.schema)
        if pooled or await _claimed(connection, name, place):
            await _make(connection, name, columns)
            return name
    raise SinkBusy(
        f"{MOST} connections write into `{table}` already", hint="wait for a run to end, or use another table"
    )


async def _claimed(connection: Connection, name: TableName, place: int) -> bool:
    # The tables of the default are locked by number, as they have always been.
    if name.schema is None and name.name in (FIRST.name, f"{FIRST.name}_{place + 1}"):
        return bool(await connection.fetchval(_CLAIM, place))
    return bool(await connection.fetchval(_CLAIM_NAMED, name.schema, name.name))


async def _make(connection: Connection, name: TableName, columns: Sequence[Column]) -> None:
    """Have the table, in the shape of the rows: it may be left from other columns."""
    if await _fits(connection, name, columns):
        await _usable(connection, name)
        return
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("SELECT set_config('lock_timeout', '10s', true)")
        # Behind a pooler another connection may make it at the same moment.
        await connection.execute(_MAKING, str(name))
        fits = await _fits(connection, name, columns)
        if fits:
            return
        if fits is not None:
            await connection.execute(f"DROP TABLE {name.sql}")
        parts = ", ".join(definition(column, required=False) for column in columns)
        await connection.execute(f"CREATE UNLOGGED TABLE {name.sql} ({parts}) WITH (autovacuum_enabled = off)")


async def _fits(connection: Connection, name: TableName, columns: Sequence[Column]) -> bool | None:
    """Whether the table takes exactly these rows; None when there is none.

    Raises:
        SchemaMismatch: it doesn't, and it isn't a staging table of ours that may be dropped.
    """
    rows = await connection.fetch(_FOUND, name.sql)
    if not rows:
        return None
    wanted = {column.name: shape.type_name(column) for column in columns}
    needed = {column.name for column in columns if column.required or column.key}
    # A logged one holds somebody's rows, whatever its columns are, and a staging table is emptied.
    alike = rows[0]["unlogged"] and {row["name"]: row["type"] for row in rows} == wanted
    if alike and all(row["name"] in needed for row in rows if row["attnotnull"]):
        return True
    if not rows[0]["ours"]:
        raise SchemaMismatch(
            f"the table `{name}` is there, and isn't one that rows can be staged in",
            hint="move the table away, or use another database",
        )
    return False


async def _usable(connection: Connection, name: TableName) -> None:
    """Raise SinkError where somebody else's table may not be filled and emptied: its first batch would end the run."""
    lacking: Sequence[str] = await connection.fetchval(_LACKING, name.sql)
    if lacking:
        raise SinkError(
            f"the role may not {' and '.join(lacking)} in the staging table `{name}`",
            hint=f"GRANT {', '.join(lacking)} ON {name.sql} to it, or drop the table: it is made anew",
        )


async def check(connection: Connection, table: TableName, columns: Sequence[Column]) -> None:
    """Look whether the first staging table's name is free, or is that of one of ours. Writes nothing.

    Raises:
        SchemaMismatch: it isn't.
    """
    await _fits(connection, first(table), columns)


async def own(connection: Connection, name: TableName) -> None:
    """Keep the table to the transaction of `connection`, and empty it if it isn't."""
    await connection.execute(f"LOCK TABLE {name.sql} IN SHARE ROW EXCLUSIVE MODE")
    if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name.sql})"):
        await clear(connection, name)


async def clear(connection: Connection, name: TableName) -> None:
    """Empty the table, in a transaction."""
    table = name.sql
    try:
        async with connection.transaction():
            # A backup reads all tables, for as long as it takes, and TRUNCATE would wait for it.
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT; TRUNCATE {table}")
    except (asyncpg.LockNotAvailableError, asyncpg.InsufficientPrivilegeError):  # TRUNCATE is a right of its own
        await connection.execute(f"DELETE FROM {table}")
