"""The rows of a run take the place of all that were there: the mode `replace`.

They gather in a table of their own, and move in the transaction of the last batch, once the end is proven. The owner's
table stays the same one: what hangs on it (views, foreign keys, rights, policies, triggers) stays as well, which
neither a renamed table nor TRUNCATE would leave so. Readers are never held up, and see the old rows until the commit.
With a key only what differs is written.
"""

from typing import Final

from datasync.config.schema import ConflictPolicy
from datasync.errors import SchemaMismatch
from datasync.model import Column
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.names import TableName, quoted
from datasync.sinks.postgres.reconcile import COUNT_TIMEOUT
from datasync.sinks.postgres.target import NEXT, Target, merging, on_conflict

_CHANGED: Final = ConflictPolicy("update_if_changed")

_MARK: Final = "SELECT obj_description(to_regclass($1), 'pg_class') FROM pg_class WHERE oid = to_regclass($1)"


def place(table: TableName) -> TableName:
    """Where the rows gather that will take the place of those of `table`."""
    return table.derived(after=NEXT)


async def pending(connection: Connection, table: TableName, stream: str) -> bool:
    """Whether rows of this stream wait to take the place of those of `table`.

    Raises:
        SchemaMismatch: a table of that name is there, and is another stream's or somebody else's.
    """
    gathered = place(table)
    found = await connection.fetch(_MARK, gathered.sql)
    if found and found[0][0] != _mark(stream):
        raise SchemaMismatch(
            f"the table `{gathered}` is there, and is not one in which `{stream}` gathers its rows",
            hint="move it away, or let the other stream that fills the same table end first",
        )
    return bool(found)


async def forget(connection: Connection, table: TableName, stream: str) -> None:
    """Drop what a run has gathered that is begun anew, whatever its mode is now."""
    if await pending(connection, table, stream):
        await connection.execute(f"DROP TABLE {place(table).sql}")


async def begin(connection: Connection, target: Target, stream: str) -> None:
    """Make an empty place for the rows of a run. Belongs into a transaction; the table they will go to is there."""
    mark = await connection.fetchval("SELECT quote_literal($1::text)", _mark(stream))
    await connection.execute(
        f"CREATE TABLE {target.into.sql} (LIKE {target.table.sql} INCLUDING ALL);"
        f"COMMENT ON TABLE {target.into.sql} IS {mark}"
    )


async def finish(connection: Connection, target: Target) -> None:
    """Put the rows in place of all that were there, in the transaction of the last batch."""
    table, gathered = target.table.sql, target.into.sql
    names = ", ".join(map(quoted, target.names))
    rows = f"SELECT {names} FROM {gathered}"
    # All of a large table may change; what is usual for a statement would end that half way.
    await connection.execute("SELECT set_config('statement_timeout', '0', true)")
    await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
    if target.appends or target.key is None:
        await connection.execute(f"DELETE FROM {table}", timeout=COUNT_TIMEOUT)
        await connection.execute(f"INSERT INTO {table} ({names}) {rows}", timeout=COUNT_TIMEOUT)
    else:
        await _merge(connection, target, target.key, names, rows)
    await connection.execute(f"DROP TABLE {gathered}")


async def _merge(connection: Connection, target: Target, key: Column, names: str, rows: str) -> None:
    name = quoted(key.name)
    await connection.execute(
        f"DELETE FROM {target.table.sql} AS old"
        f" WHERE NOT EXISTS (SELECT FROM {target.into.sql} AS new WHERE new.{name} = old.{name})",
        timeout=COUNT_TIMEOUT,
    )
    others = [column for column in target.columns if not column.key]
    await connection.execute(
        merging(target.table, names, rows, on_conflict(key, others, _CHANGED)), timeout=COUNT_TIMEOUT
    )


def _mark(stream: str) -> str:
    return f"datasync: rows of `{stream}` until all are there"
