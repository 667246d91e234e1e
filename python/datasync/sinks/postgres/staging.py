"""A staging table for each writer. UNLOGGED: it is never the only copy of anything that is acknowledged."""

from contextlib import suppress
from typing import Final

import asyncpg

from datasync.errors import SinkBusy
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.names import quoted

FIRST: Final = "staging_events"

MOST: Final = 64
"""Staging tables in a database: so many connections may write at a time."""

# The second number is "stag" in ASCII, so that the lock is nobody else's.
_CLAIM = "SELECT pg_try_advisory_lock(1937006951, $1)"


async def claim(connection: Connection, *, pooled: bool, number: int) -> str:
    """Take a staging table that no other connection has, make it if need be, and give its name.

    Args:
        connection: keeps the table as long as it lives.
        pooled: a pooler keeps no locks between transactions. The table is then that of `number`, and others may use it
            as well: `own` makes them wait.
        number: of the writer, from 0.

    Raises:
        SinkBusy: all tables are taken.
    """
    for place in [number] if pooled else range(MOST):
        if pooled or await connection.fetchval(_CLAIM, place):
            name = FIRST if place == 0 else f"{FIRST}_{place + 1}"
            await _make(connection, name)
            return name
    raise SinkBusy(
        f"{MOST} connections write into this database already", hint="wait for a run to end, or use another database"
    )


async def _make(connection: Connection, name: str) -> None:
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
        return
    # Another connection may make it at the same moment.
    with suppress(asyncpg.UniqueViolationError, asyncpg.DuplicateTableError):
        await connection.execute(
            f"CREATE UNLOGGED TABLE IF NOT EXISTS {quoted(name)} (LIKE {quoted(FIRST)} INCLUDING DEFAULTS)"
            " WITH (autovacuum_enabled = off)"
        )


async def own(connection: Connection, name: str) -> None:
    """Keep the table to the transaction of `connection`, and empty it if it isn't."""
    await connection.execute(f"LOCK TABLE {quoted(name)} IN SHARE ROW EXCLUSIVE MODE")
    if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {quoted(name)})"):
        await clear(connection, name)


async def clear(connection: Connection, name: str) -> None:
    """Empty the table, in a transaction."""
    table = quoted(name)
    try:
        async with connection.transaction():
            # A backup reads all tables, for as long as it takes, and TRUNCATE would wait for it.
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT; TRUNCATE {table}")
    except asyncpg.LockNotAvailableError:
        await connection.execute(f"DELETE FROM {table}")
