"""Is everything there that the API has? Counted in the database itself."""

from typing import Final

from datasync.errors import CountsDiffer
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.names import TableName

EXPLAINING: Final = {
    "events_ingested": "stored",
    "updated": "replaced",
    "unchanged": "left as they were",
    "duplicates": "seen before",
    "quarantined": "in quarantine",
    "dropped": "left out by a transform",
}
"""Counters of `cursor_state`, and what they count: each record that is served counts in exactly one of them."""

COUNT_TIMEOUT: Final = 3600.0
"""Seconds."""

# By way of JSON, because older versions have no such column.
_COUNTS = """
SELECT (SELECT count(*) FROM {table}) AS rows,
       (SELECT count(*) FROM quarantined_events WHERE stream = $1) AS quarantined,
       events_ingested, dropped, total, served, (to_jsonb(s) ->> 'served_before')::bigint AS served_before
FROM cursor_state AS s WHERE stream = $1
"""


async def missing(connection: Connection, stream: str, table: TableName, *, keyed: bool) -> int:
    """How many records are missing: of those this stream stored, and of the total the API declared, if it did.

    The table must have as many rows as the stream stored. What the total is held against depends:

    * A round that asks for what is newer: the records that were served in it. Which ones are new isn't known.
    * Else, where rows are known by a key: the rows of the table, whoever stored them. Records that came twice count
      once here, because the table and quarantine hold them once.
    * Without a key: the rows that the stream stored. One that came twice counts twice, and can hide a gap.

    Of records that a transform left out only the number is kept: where several partitions were read they may have come
    twice, and can hide a gap. So can rows of other origin in the same table.
    """
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table.sql):
        total: int | None = await connection.fetchval("SELECT total FROM cursor_state WHERE stream = $1", stream)
        return max(total or 0, 1)
    async with connection.transaction():
        # All of a large table is counted; what is usual for a statement would end that half way.
        await connection.execute("SELECT set_config('statement_timeout', '0', true)")
        row = await connection.fetchrow(_COUNTS.replace("{table}", table.sql), stream, timeout=COUNT_TIMEOUT)
    assert row is not None  # the stream has been opened
    rows: int = row["rows"]
    stored: int = row["events_ingested"]
    gone = max(0, stored - rows)
    declared: int | None = row["total"]
    if declared is None:
        return gone
    if row["served_before"] is not None:
        come: int = row["served"] - row["served_before"]
    else:
        come = (rows if keyed else stored) + row["quarantined"] + row["dropped"]
    return max(gone, declared - come)


async def check_counts(connection: Connection, stream: str) -> None:
    """Make sure that the stream's counters make up what was served. Belongs into the transaction that relies on it.

    Raises:
        CountsDiffer: they don't.
    """
    row = await connection.fetchrow(
        f"SELECT served, {', '.join(EXPLAINING)} FROM cursor_state WHERE stream = $1", stream
    )
    assert row is not None  # the stream has been opened
    explained = sum(row[counter] for counter in EXPLAINING)
    if explained != row["served"]:
        parts = " + ".join(f"{row[counter]:,} {words}" for counter, words in EXPLAINING.items())
        raise CountsDiffer(
            f"the counts of `{stream}` don't add up: {parts} make {explained:,}, but {row['served']:,} were served",
            hint="was its row in `cursor_state` edited? Put it right and run again, or count anew with --restart;"
            " rows that are there stay as they are",
        )
