"""Reading one column of a table: the values that children are read for."""

from collections.abc import Sequence

import asyncpg

from datasync.config import Secret
from datasync.errors import SchemaMismatch
from datasync.postgres.errors import mapped
from datasync.sinks.postgres.names import quoted, table_name
from datasync.sinks.postgres.quarantined import connected


async def distinct(database_url: Secret, table: str, column: str) -> Sequence[str]:
    """See `datasync.sinks.base.Lookup`."""
    # Code points come in the order of their UTF-8, which is that of Python's strings.
    query = (
        f'SELECT DISTINCT ({quoted(column)}::text) COLLATE "C" FROM {table_name(table).sql}'
        f" WHERE {quoted(column)} IS NOT NULL ORDER BY 1"
    )
    async with connected(database_url) as connection:
        with mapped(f"reading `{column}` of `{table}`"):
            try:
                return [row[0] for row in await connection.fetch(query)]
            except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
                raise SchemaMismatch(
                    f"there is no column `{column}` in a table `{table}`", hint="its endpoint has to be read before"
                ) from error
