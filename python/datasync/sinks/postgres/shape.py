"""Are tables that exist already ours? PostgreSQL would convert values on the way in, and say nothing."""

from collections.abc import Mapping

import asyncpg

from datasync.errors import ConfigError, SchemaMismatch
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.checkpoint import Progress

_EVENT = {"id": "text", "event_type": "text", "timestamp": "timestamp with time zone", "data": "jsonb"}

TYPES = {
    "ingested_events": _EVENT,
    "staging_events": _EVENT,
    "cursor_state": {"cursor_value": "text", "events_ingested": "bigint"},
}
"""Columns that must have exactly these types, where the table exists. Further columns are the owner's business."""

_COLUMNS = """
SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""

_KEY = """
SELECT EXISTS (
    SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = to_regclass('ingested_events') AND indisunique AND indisvalid AND indpred IS NULL
    AND indnkeyatts = 1 AND attname = 'id'
)
"""


# COPY passes over rules, and is refused where rows are secured one by one. Another unique index, or what a trigger
# does, could make two writers wait for each other: one in the server, the other in this process for its turn.
_DIRECT = """
SELECT NOT relhasrules AND NOT relrowsecurity
    AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal)
    AND NOT EXISTS (
        SELECT FROM pg_index
        WHERE indrelid = pg_class.oid AND (indisunique OR indisexclusion)
        AND NOT (indnkeyatts = 1 AND indkey[0] = (
            SELECT attnum FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'id'))
    )
FROM pg_class WHERE oid = to_regclass('ingested_events')
"""


async def takes_direct(connection: Connection, progress: Progress) -> bool:
    """Whether COPY straight into the target may do what INSERT does, and is likely to meet no key that is there."""
    if not await connection.fetchval(_DIRECT):
        return False
    first_load = progress.rows > 0 and progress.known * 100 < progress.rows
    return first_load or bool(await connection.fetchval("SELECT NOT EXISTS (SELECT FROM ingested_events)"))


async def check_target(connection: Connection) -> None:
    """Make sure that nobody changed the target's columns. Later in a transaction that wrote to it nobody can.

    Raises:
        SchemaMismatch: a column is missing or of another type.
    """
    await _check_table(connection, "ingested_events", TYPES["ingested_events"])


async def check(connection: Connection) -> None:
    """Look at the database and at tables of our names. Writes nothing.

    Raises:
        ConfigError: the database can't hold all text.
        SchemaMismatch: a column is missing or of another type, or the key isn't unique.
    """
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"the database's encoding is {encoding}, which can't hold all text",
            hint="make one with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
        )
    for table, wanted in TYPES.items():
        found = await _check_table(connection, table, wanted)
        if found and table == "ingested_events" and not await connection.fetchval(_KEY):
            raise SchemaMismatch("`ingested_events` has no unique key on `id` alone", hint="add a primary key on id")


async def _check_table(connection: Connection, table: str, wanted: Mapping[str, str]) -> bool:
    """Whether there is such a table; if it is, its columns are as wanted."""
    rows: list[asyncpg.Record] = await connection.fetch(_COLUMNS, table)
    found = {row["name"]: row["type"] for row in rows}
    for column, type_ in wanted.items():
        if found and found.get(column) != type_:
            raise SchemaMismatch(
                f"the table `{table}` is there, and its column `{column}` is {found.get(column, 'missing')},"
                f" not {type_}",
                hint="move the table away, or use another database",
            )
    return bool(found)
