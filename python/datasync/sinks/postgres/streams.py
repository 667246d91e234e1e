"""Looking at the streams of a database: how far each has come. Writes nothing, and reads older schemas, too."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from datasync.model import PartitionState
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import ddl, partitions
from datasync.sinks.postgres.checkpoint import DEFAULT

_READING: Final = "reading the streams"

# What a column counts as where an older schema lacks it.
_COLUMNS: Final = {
    "source": "NULL::text",
    "table_name": f"'{DEFAULT}'::text",
    "epoch": "0::bigint",
    "batch": "0::bigint",
    "pages": "0::bigint",
    "served": "0::bigint",
    "total": "NULL::bigint",
    "complete": "false",
    "events_ingested": "0::bigint",
    "updated": "0::bigint",
    "unchanged": "0::bigint",
    "duplicates": "0::bigint",
    "quarantined": "0::bigint",
    "dropped": "0::bigint",
    "updated_at": "NULL::timestamptz",
}

_THERE: Final = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = to_regclass('cursor_state') AND attnum > 0 AND NOT attisdropped
"""

# The server shows the two halves of the number that a run's lock is on; see `lock`.
_RUNNING: Final = """
EXISTS (
    SELECT FROM pg_locks, LATERAL hashtextextended('datasync:' || s.stream, 0) AS number
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = (number >> 32) & 4294967295 AND objid::bigint = number & 4294967295
)
"""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream has come.

    Attributes:
        stream: its name.
        table: that its rows go to.
        running: a run or a replay holds its lock. Behind a pooler runs take none, and none is seen.
        complete: it was read to its end, and that is proven.
        percent: records served of those that the API declared, below 100 until it is complete; None if it told no
            total.
        rows, updated, unchanged, duplicates, quarantined, dropped: records over all runs since it was begun, each in
            one of them.
        served: records of the pages that were stored, which is the sum of these.
        total: records that the API declared when the stream was begun, or None.
        partitions, partitions_complete: how many there are, and how many were read to their end.
        updated_at: of the last write.
        age: seconds since then, by the server's clock.
        source: base URL of the API; None if it isn't known.
        epoch: number of the last run.
        batch: number of the last transaction.
        pages: that were stored.
    """

    stream: str
    table: str
    running: bool
    complete: bool
    percent: float | None
    rows: int
    updated: int
    unchanged: int
    duplicates: int
    quarantined: int
    dropped: int
    served: int
    total: int | None
    partitions: int
    partitions_complete: int
    updated_at: datetime | None
    age: float | None
    source: str | None
    epoch: int
    batch: int
    pages: int


async def read(connection: Connection, name: str | None = None) -> Sequence[Stream]:
    """All streams by name, or the one of this name. None where no run has ever stored anything.

    Raises:
        SchemaMismatch: the state is of a newer version.
        SinkError: the database.
    """
    with mapped(_READING):
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            version = await ddl.installed_version(connection)
            there = {row[0] for row in await connection.fetch(_THERE)}
            if "stream" not in there:  # nothing, or the table of another program
                return ()
            query = _query(there, partitioned=version >= ddl.PARTITIONS_SINCE)
            return [_stream(row) for row in await connection.fetch(query, name)]


async def read_partitions(connection: Connection, name: str) -> Sequence[PartitionState]:
    """The partitions of a stream, by number; see `partitions.read`.

    Raises:
        SinkError: the database.
    """
    with mapped(_READING):
        return await partitions.read(connection, name, await ddl.installed_version(connection))


def _query(there: set[str], *, partitioned: bool) -> str:
    columns = ", ".join(name if name in there else f"{other} AS {name}" for name, other in _COLUMNS.items())
    counted = (
        "(SELECT count(*) FROM stream_partitions AS p WHERE p.stream = s.stream) AS partitions,"
        " (SELECT count(*) FROM stream_partitions AS p WHERE p.stream = s.stream AND p.complete) AS partitions_complete"
        if partitioned
        else "1::bigint AS partitions, s.complete::int::bigint AS partitions_complete"
    )
    return (
        f"SELECT s.stream, {_RUNNING} AS running, {counted}, extract(epoch FROM now() - s.updated_at)::float8 AS age,"
        f" s.* FROM (SELECT stream, {columns} FROM cursor_state WHERE stream IS NOT NULL) AS s"
        " WHERE $1::text IS NULL OR s.stream = $1 ORDER BY s.stream"
    )


def _stream(row: asyncpg.Record) -> Stream:
    values = dict(row)
    return Stream(
        rows=values.pop("events_ingested"),
        table=values.pop("table_name") or DEFAULT,
        percent=_percent(row["served"], row["total"], complete=row["complete"]),
        **values,
    )


def _percent(served: int, total: int | None, *, complete: bool) -> float | None:
    if complete:
        return 100.0
    if total is None:
        return None
    # Records that came twice were served, too: more than all of them may have been.
    return min(99.9, int(1000 * served / total) / 10) if total else 0.0
