"""Are tables that exist already ours? PostgreSQL would convert values on the way in, and say nothing."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec

from datasync.errors import ConfigError, SchemaMismatch
from datasync.model import Column
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.checkpoint import Progress
from datasync.sinks.postgres.names import TableName, quoted
from datasync.sinks.postgres.target import Target

_SIGNS: Final[Mapping[str, Mapping[str, str]]] = {
    "cursor_state": {"cursor_value": "text", "events_ingested": "bigint"},
    "quarantined_events": {"stream": "text", "code": "text", "raw": "bytea", "digest": "bytea"},
    "stream_partitions": {"stream": "text", "number": "integer", "complete": "boolean"},
}
"""Columns that must have exactly these types, where the table exists. Further columns are the owner's business."""

_AWAY: Final = "move the table away, or use another database"

TYPE: Final = """
CASE WHEN atttypid < 16384 THEN replace(format_type(atttypid, atttypmod), '"', '')
    ELSE format_type(atttypid, atttypmod) END
"""
"""A column's type, by the name that we know it by. The server quotes all names where quote_all_identifiers is on, but
only types that people made, which have higher numbers, can need it."""

_COLUMNS = f"""
SELECT attname::text AS name, {TYPE} AS type,
       attgenerated <> '' OR attidentity = 'a' AS made, attnotnull AND NOT atthasdef AND attidentity = '' AS wanted
FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""

# The arbiter of ON CONFLICT: not partial, not deferrable.
_KEY = """
SELECT EXISTS (
    SELECT FROM pg_index WHERE indrelid = to_regclass($1) AND indisunique AND indisvalid AND indimmediate
    AND indpred IS NULL AND indnkeyatts = cardinality($2::text[]) AND (
        SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_attribute
        WHERE attrelid = indrelid AND attnum = ANY(indkey[:indnkeyatts - 1])
    ) = (SELECT array_agg(name ORDER BY name) FROM unnest($2::text[]) AS name)
)
"""

# What it is, and whether rows of another table pass through it: one to stage them, or where `replace` gathers them.
_TABLE = """
SELECT relkind::text,
    relpersistence = 'u' AND relname LIKE 'staging\\_%' AND coalesce('autovacuum_enabled=off' = ANY(reloptions), false)
    OR coalesce(obj_description(oid, 'pg_class') LIKE 'datasync: rows of `%` until all are there', false)
FROM pg_class WHERE oid = to_regclass($1)
"""

_RULED = "SELECT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = to_regclass($1) AND ev_type IN ('2', '3'))"

# COPY passes over rules, and is refused where rows are secured one by one. Another unique index, or what a trigger
# does, could make two writers wait for each other: one in the server, the other in this process for its turn.
_TRAITS = """
SELECT NOT relhasrules AND NOT relrowsecurity,
    NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal)
    AND NOT EXISTS (
        SELECT FROM pg_index
        WHERE indrelid = pg_class.oid AND (indisunique OR indisexclusion)
        AND NOT (indnkeyatts = 1 AND indkey[0] = coalesce((
            SELECT attnum FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = $2), 0))
    ),
    EXISTS (  -- for each row, before it is inserted
        SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7
    )
FROM pg_class WHERE oid = to_regclass($1)
"""


class Traits(msgspec.Struct, frozen=True):
    """What a table lets COPY do, and what it does by itself.

    Attributes:
        copies: COPY does what INSERT does there.
        alone: two writers meet nowhere but at the key.
        fires: a trigger sees each row before it is inserted, and may leave it out.
    """

    copies: bool = True
    alone: bool = True
    fires: bool = False


def type_name(column: Column) -> str:
    """The column's type, as the catalogue calls it."""
    return "timestamp with time zone" if column.kind == "timestamptz" else column.kind


async def traits(connection: Connection, target: Target) -> Traits:
    """Look what the table that rows go to lets COPY do. Rows that are appended meet at a unique key as at any other."""
    key = target.key.name if target.key is not None and not target.appends else None
    row = await connection.fetchrow(_TRAITS, target.into.sql, key)
    return Traits(copies=False, alone=False) if row is None else Traits(*row)


async def takes_direct(connection: Connection, target: Target, found: Traits, progress: Progress) -> bool:
    """Whether COPY straight into the table may do what INSERT does, and is likely to meet no key that is there."""
    if not (found.copies and found.alone):
        return False
    first_load = progress.rows > 0 and progress.known * 100 < progress.rows
    return first_load or bool(await connection.fetchval(f"SELECT NOT EXISTS (SELECT FROM {target.into.sql})"))


async def check_columns(connection: Connection, table: TableName, columns: Sequence[Column]) -> bool:
    """Whether there is such a table; if it is, these columns are as they should be.

    In a transaction that wrote to the table it stays so.

    Raises:
        SchemaMismatch: a column is missing or of another type.
    """
    return bool(await _check(connection, table, {column.name: type_name(column) for column in columns}))


async def check_table(
    connection: Connection, table: TableName, columns: Sequence[Column], key: Sequence[str] = ()
) -> bool:
    """Whether there is such a table; if it is, rows of these `columns` can be stored there. Writes nothing.

    Raises:
        ConfigError: there is no such schema.
        SchemaMismatch: a column is missing or of another type, another one wants a value, or the key isn't unique.
    """
    schema = table.schema
    if schema is not None and not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", quoted(schema)):
        raise ConfigError(f"there is no schema `{schema}` in the database", hint=f"CREATE SCHEMA {quoted(schema)}")
    found = await _check(connection, table, {column.name: type_name(column) for column in columns}, add=True)
    if not found:
        return False
    kind = await _check_kind(connection, table)
    ours = {column.name for column in columns}
    for row in found:
        if row["made"] and row["name"] in ours:
            raise SchemaMismatch(
                f"the database itself fills the column `{row['name']}` of `{table}`",
                hint="leave the column out, or make it an ordinary one",
            )
        if row["wanted"] and row["name"] not in ours:
            raise SchemaMismatch(
                f"the column `{row['name']}` of `{table}` wants a value, and none is given",
                hint="fill it with a column of that name, give it a default, or let it be NULL",
            )
    if key and kind == "p":
        raise SchemaMismatch(
            f"`{table}` is partitioned, and PostgreSQL doesn't tell which rows of an ON CONFLICT are new there",
            hint="use a table without partitions, or the mode `append`",
        )
    if key:
        await check_key(connection, table, key)
        if await connection.fetchval(_RULED, table.sql):
            raise SchemaMismatch(
                f"`{table}` has rules for INSERT or UPDATE, with which PostgreSQL takes no ON CONFLICT",
                hint="use triggers in their place, or the mode `append`",
            )
    return True


async def _check_kind(connection: Connection, table: TableName) -> str:
    """What `pg_class.relkind` says of a table, if its rows are to stay in there. Raises SchemaMismatch."""
    kind, passing = await connection.fetchrow(_TABLE, table.sql) or ("", False)
    if passing:
        raise SchemaMismatch(
            f"`{table}` is a table of datasync's own, in which the rows of another one gather",
            hint="write to a table of another name",
        )
    if kind not in ("r", "p"):
        raise SchemaMismatch(f"`{table}` is there, and is no table that rows can be copied into", hint=_AWAY)
    return str(kind)


async def check_key(connection: Connection, table: TableName, key: Sequence[str]) -> None:
    """Raise SchemaMismatch where no unique index has exactly these columns."""
    if not await has_key(connection, table, key):
        raise SchemaMismatch(
            f"`{table}` has no unique key on `{'`, `'.join(key)}` alone", hint=f"add a primary key on {', '.join(key)}"
        )


async def has_key(connection: Connection, table: TableName, key: Sequence[str]) -> bool:
    """Whether a unique index has exactly these columns."""
    found: bool = await connection.fetchval(_KEY, table.sql, list(key))
    return found


async def check(connection: Connection, target: Target) -> bool:
    """Look at the database and at tables of our names. Whether the target is there. Writes nothing.

    Raises:
        ConfigError: the database can't hold all text, or has no such schema.
        SchemaMismatch: see `check_table`.
    """
    await check_database(connection)
    key = () if target.appends or target.key is None else (target.key.name,)
    return await check_table(connection, target.table, target.columns, key)


async def check_database(connection: Connection) -> None:
    """Look at what is the same for all targets. Writes nothing. Raises as `check` does."""
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"the database's encoding is {encoding}, which can't hold all text",
            hint="make one with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
        )
    for name, columns in _SIGNS.items():
        await _check(connection, TableName(name), columns)


async def _check(
    connection: Connection, table: TableName, wanted: Mapping[str, str], *, add: bool = False
) -> Sequence[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_COLUMNS, table.sql)
    found = {row["name"]: row["type"] for row in rows}
    for column, type_ in wanted.items():
        if found and found.get(column) != type_:
            raise SchemaMismatch(
                f"the table `{table}` is there, and its column `{column}` is {found.get(column, 'missing')},"
                f" not {type_}",
                hint=f"ALTER TABLE {table.sql} ADD COLUMN {quoted(column)} {type_}, or {_AWAY}"
                if add and column not in found
                else _AWAY,
            )
    return rows
