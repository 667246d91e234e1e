"""UNLOGGED tables, which a crash of the server empties: rows go, and the checkpoint that vouches for them stays."""

from collections.abc import Sequence
from typing import Final

import structlog

from datasync.postgres.connection import Connection
from datasync.sinks.postgres.names import TableName

TEXT: Final = "is UNLOGGED: a crash of the server takes its rows away"

# A partitioned table has no rows itself.
_FOUND: Final = """
SELECT table_ FROM unnest($1::text[]) WITH ORDINALITY AS given (table_, place)
JOIN pg_class ON oid = to_regclass(table_) WHERE relpersistence = 'u' AND relkind = 'r' ORDER BY place
"""


async def find(connection: Connection, tables: Sequence[TableName]) -> Sequence[TableName]:
    """Those of the tables that are there and UNLOGGED. Writes nothing."""
    by_sql = {table.sql: table for table in tables}
    return [by_sql[row[0]] for row in await connection.fetch(_FOUND, list(by_sql))]


def remedy(table: TableName) -> str:
    """What to do about one."""
    return f"ALTER TABLE {table.sql} SET LOGGED"


async def warn(connection: Connection, tables: Sequence[TableName]) -> None:
    """Say which of the tables that rows go to are UNLOGGED."""
    for table in await find(connection, tables):
        structlog.get_logger().warning(f"the table `{table}` {TEXT}", hint=remedy(table))
