"""Is everything there that the API has? Counted in the database itself."""

from typing import Final

from datasync.errors import CountsDiffer
from datasync.postgres.connection import Connection

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

_COUNTS = """
SELECT (SELECT count(*) FROM ingested_events) AS rows,
       (SELECT count(*) FROM quarantined_events WHERE stream = $1) AS quarantined,
       events_ingested, dropped, total
FROM cursor_state WHERE stream = $1
"""


async def missing(connection: Connection, stream: str) -> int:
    """How many records are missing: of those this stream stored, and of the total the API declared, if it did.

    Records that came twice count once here, because the table and quarantine hold them once. Of those that a transform
    left out only the number is kept: where several partitions were read they may have come twice, and can hide a gap.
    So can rows of other origin in the same table.
    """
    if not await connection.fetchval("SELECT to_regclass('ingested_events') IS NOT NULL"):
        total: int | None = await connection.fetchval("SELECT total FROM cursor_state WHERE stream = $1", stream)
        return max(total or 0, 1)
    async with connection.transaction():
        # All of a large table is counted; what is usual for a statement would end that half way.
        await connection.execute("SELECT set_config('statement_timeout', '0', true)")
        row = await connection.fetchrow(_COUNTS, stream, timeout=COUNT_TIMEOUT)
    assert row is not None  # the stream has been opened
    wanted: int = max(row["events_ingested"], (row["total"] or 0) - row["quarantined"] - row["dropped"])
    rows: int = row["rows"]
    return max(0, wanted - rows)


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
