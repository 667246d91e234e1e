"""The rows of a run take the place of all that were there: the mode `replace`.

They gather in a table of their own, and move in the transaction of the last batch, once the end is proven. The owner's
table stays the same one: what hangs on it (views, foreign keys, rights, policies, triggers) stays as well, which
neither a renamed table nor TRUNCATE would leave so. Readers are never held up, and see the old rows until the commit.
With a key only what differs is written.
"""

import re
from typing import Final

import asyncpg
import structlog

from datasync.config.schema import ConflictPolicy
from datasync.errors import RowsRefused, SchemaMismatch
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.names import TableName, quoted
from datasync.sinks.postgres.reconcile import COUNT_TIMEOUT
from datasync.sinks.postgres.target import NEXT, Target, differs, merging, on_conflict

_CHANGED: Final = ConflictPolicy("update_if_changed")

# Those of a partitioned table's partitions follow from its own.
_FOREIGN: Final = """
SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition,
    CASE WHEN confrelid = conrelid THEN confrelid::regclass::text END AS itself
FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'f' AND conparentid = 0 ORDER BY conname
"""

_DEFERRED: Final = re.compile(r" DEFERRABLE( INITIALLY DEFERRED)?(?= NOT VALID|$)")

_ACTS: Final = """
SELECT relrowsecurity OR EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal AND tgenabled <> 'D'
) FROM pg_class WHERE oid = to_regclass($1)
"""

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
    """Make an empty place for the rows of a run. Belongs into a transaction; the table they will go to is there.

    It has the same foreign keys, so that a row that they refuse is found while its record is at hand.
    """
    mark = await connection.fetchval("SELECT quote_literal($1::text)", _mark(stream))
    await connection.execute(
        f"CREATE TABLE {target.into.sql} (LIKE {target.table.sql} INCLUDING ALL);"
        f"COMMENT ON TABLE {target.into.sql} IS {mark}"
    )
    for row in await connection.fetch(_FOREIGN, target.table.sql):
        # At once: what waits for the COMMIT keeps the table from being dropped there.
        definition = _DEFERRED.sub("", row["definition"])
        if row["itself"]:
            definition = definition.replace(f" REFERENCES {row['itself']}(", f" REFERENCES {target.into.sql}(", 1)
        try:
            async with connection.transaction():
                await connection.execute("SELECT set_config('lock_timeout', '10s', true)")
                await connection.execute(
                    f"ALTER TABLE {target.into.sql} ADD CONSTRAINT {quoted(row['name'])} {definition}"
                )
        except (asyncpg.InsufficientPrivilegeError, asyncpg.LockNotAvailableError) as error:
            structlog.get_logger().warning(
                "a foreign key is held against the rows at the end alone", key=row["name"], reason=str(error)
            )


async def finish(connection: Connection, target: Target) -> None:
    """Put the rows in place of all that were there, in the transaction of the last batch.

    Raises:
        RowsRefused: what the owner's table does by itself left some out, or kept some that are to go.
    """
    table, gathered = target.table.sql, target.into.sql
    names = ", ".join(map(quoted, target.names))
    # All of a large table may change; what is usual for a statement would end that half way.
    await connection.execute("SELECT set_config('statement_timeout', '0', true)")
    await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
    move = _insert if target.appends or target.key is None else _merge
    left_out, kept = await move(connection, target, names)
    if left_out or kept:
        raise RowsRefused(
            f"a trigger, rule or policy of `{target.table}` left out {left_out:,} of the new rows, and kept {kept:,} of"
            " the old ones",
            hint=f"nothing was replaced, and what was gathered stays in `{target.into}`: change the trigger and run"
            " again, or use the mode `merge`",
        )
    await connection.execute(f"DROP TABLE {gathered}")


async def _insert(connection: Connection, target: Target, names: str) -> tuple[int, int]:
    """Delete all, and insert. Give how many rows were left out, and how many were kept."""
    table, gathered = target.table.sql, target.into.sql
    await connection.execute(f"DELETE FROM {table}", timeout=COUNT_TIMEOUT)
    count = f"SELECT count(*) FROM {table}"
    kept: int = await connection.fetchval(count, timeout=COUNT_TIMEOUT)
    await connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {gathered}", timeout=COUNT_TIMEOUT)
    # Counted rather than told by the statement: a rule or a trigger may have put them into a part of the table.
    there, wanted = await connection.fetchrow(
        f"SELECT ({count}), (SELECT count(*) FROM {gathered})", timeout=COUNT_TIMEOUT
    ) or (0, 0)
    return max(0, wanted - (there - kept)), kept


async def _merge(connection: Connection, target: Target, names: str) -> tuple[int, int]:
    """Delete and store in one statement: foreign keys are looked at when it is done, whoever names whom.

    What is deleted goes first, so that no other unique key is in the way. Give how many rows were left out, and how
    many were kept that are to go.
    """
    assert target.key is not None  # the caller sees to it
    name = quoted(target.key.name)
    others = [column for column in target.columns if not column.key]
    old = (
        f"{target.table.sql} AS old"
        f" WHERE NOT EXISTS (SELECT FROM {target.into.sql} AS new WHERE new.{name} = old.{name})"
    )
    gone = f"gone AS (DELETE FROM {old} RETURNING 1), "
    new = f"SELECT {names} FROM {target.into.sql} WHERE (SELECT count(*) FROM gone) >= 0"
    # Counting takes its time, and without any of these PostgreSQL does as it is told.
    wanted = None
    if await connection.fetchval(_ACTS, target.table.sql):
        wanted = await connection.fetchrow(
            f"SELECT count(*) - count(old.{name}) FILTER (WHERE NOT ({differs(others) or 'false'})),"
            f" (SELECT count(*) FROM {old}) FROM {target.into.sql} AS excluded"
            f" LEFT JOIN {target.table.sql} AS old ON old.{name} = excluded.{name}",
            timeout=COUNT_TIMEOUT,
        )
    conflict = on_conflict(target.key, others, _CHANGED)
    more = ", (SELECT count(*) FROM gone)"
    found = await connection.fetchrow(
        merging(target.table, names, new, conflict, before=gone, more=more), timeout=COUNT_TIMEOUT
    )
    if wanted is None or found is None:
        return 0, 0
    inserted, updated, deleted = found
    return wanted[0] - inserted - updated, wanted[1] - deleted


def _mark(stream: str) -> str:
    return f"datasync: rows of `{stream}` until all are there"
