"""Is everything there that the API has? Counted in the database itself."""

from datasync.postgres.connection import Connection

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
    row = await connection.fetchrow(_COUNTS, stream)
    assert row is not None  # the stream has been opened
    wanted: int = max(row["events_ingested"], (row["total"] or 0) - row["quarantined"] - row["dropped"])
    rows: int = row["rows"]
    return max(0, wanted - rows)
