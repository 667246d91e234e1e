"""Is everything there that the API has? Counted in the database itself."""

from typing import Final

from datasync.postgres.abandoned import notice
from datasync.postgres.connection import Connection
from datasync.postgres.untimed import untimed
from datasync.sinks import counts
from datasync.sinks.postgres import ddl
from datasync.sinks.postgres.names import TableName
from datasync.stats import FATES, Counts

COUNT_TIMEOUT: Final = 3600.0
"""Seconds."""

_COUNTERS: Final = ", ".join(["events_ingested AS rows", "served", *(name for name in FATES if name != "rows")])

# By way of JSON, because older versions have no such column.
_COUNTS = """
SELECT (SELECT count(*) FROM {table}) AS rows,
       (SELECT count(*) FROM quarantined_events AS q WHERE q.stream = $1{seen}) AS quarantined,
       events_ingested, dropped, total, served, (to_jsonb(s) ->> 'served_before')::bigint AS served_before
FROM cursor_state AS s WHERE stream = $1
"""


_SEEN: Final = " AND q.seen >= s.first_batch"


async def missing(
    connection: Connection, stream: str, table: TableName, *, keyed: bool, version: int = ddl.SEEN_SINCE
) -> int:
    """How many records are missing, by `counts.missing`: of those this stream stored, and of the declared total.

    The schema has this `version`.
    """
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table.sql):
        total: int | None = await connection.fetchval("SELECT total FROM cursor_state WHERE stream = $1", stream)
        return max(total or 0, 1)
    async with connection.transaction():
        # All of a large table is counted; what is usual for a statement would end that half way.
        await connection.execute(f"SELECT set_config('statement_timeout', '0', true); {untimed(connection)}")
        await notice(connection)
        query = _COUNTS.format(table=table.sql, seen=_SEEN if version >= ddl.SEEN_SINCE else "")
        row = await connection.fetchrow(query, stream, timeout=COUNT_TIMEOUT)
    assert row is not None  # the stream has been opened
    before: int | None = row["served_before"]
    return counts.missing(
        Counts(rows=row["events_ingested"], dropped=row["dropped"]),
        row["total"],
        rows=row["rows"],
        quarantined=row["quarantined"],
        keyed=keyed,
        newer=None if before is None else row["served"] - before,
    )


async def check_counts(connection: Connection, stream: str) -> None:
    """Make sure that the stream's counters make up what was served. Belongs into the transaction that relies on it.

    Raises:
        CountsDiffer: they don't.
    """
    row = await connection.fetchrow(f"SELECT {_COUNTERS} FROM cursor_state WHERE stream = $1", stream)
    assert row is not None  # the stream has been opened
    counts.check(
        stream,
        Counts(**row),
        hint="was its row in `cursor_state` edited? Put it right and run again, or count anew with --restart;"
        " rows that are there stay as they are",
    )
