"""The partitions of a stream: one row of `stream_partitions` each. Written only in transactions that hold the epoch."""

from collections.abc import Mapping

import msgspec

from datasync.errors import SchemaMismatch
from datasync.model import Checkpoint, PartitionState, Window
from datasync.postgres.connection import Connection, affected
from datasync.sinks.postgres.ddl import PARTITIONS_SINCE

# By way of JSON, because older versions have no such columns.
_READ = """
SELECT number, since_ms, until_ms, p.cursor_value, p.position, p.pages, p.served, p.complete, total,
       (to_jsonb(p) ->> 'since_us')::bigint AS since_us, (to_jsonb(p) ->> 'newest_us')::bigint AS newest_us,
       to_jsonb(p) ->> 'since_value' AS since_value, to_jsonb(p) ->> 'until_value' AS until_value
FROM stream_partitions AS p JOIN cursor_state USING (stream) WHERE stream = $1 ORDER BY number
"""

# Before there were partitions the checkpoint stood in the stream's own row.
_READ_OLD = """
SELECT 0 AS number, NULL::bigint AS since_ms, NULL::bigint AS until_ms, nullif(cursor_value, '') AS cursor_value,
       position, pages, served, complete, total, NULL::bigint AS since_us, NULL::bigint AS newest_us,
       NULL AS since_value, NULL AS until_value
FROM cursor_state WHERE stream = $1
"""

_SHARE = """
INSERT INTO stream_partitions (stream, number, since_ms, until_ms, since_value, until_value)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (stream, number) DO UPDATE SET since_ms = excluded.since_ms, until_ms = excluded.until_ms,
    since_value = excluded.since_value, until_value = excluded.until_value
"""


async def read(connection: Connection, stream: str, version: int) -> tuple[PartitionState, ...]:
    """The stream's partitions by number, from a schema of this `version`; none if it wasn't begun. Writes nothing."""
    rows = await connection.fetch(_READ if version >= PARTITIONS_SINCE else _READ_OLD, stream)
    states = (
        PartitionState(
            row["number"],
            Window(row["since_ms"], row["until_ms"], row["since_value"], row["until_value"]),
            Checkpoint(
                cursor=row["cursor_value"],
                position=None if row["position"] is None else msgspec.json.decode(row["position"]),
                pages=row["pages"],
                served=row["served"],
                total=row["total"],
                complete=row["complete"],
                since_us=row["since_us"],
                newest_us=row["newest_us"],
            ),
        )
        for row in rows
    )
    return tuple(states)


async def clear(connection: Connection, stream: str) -> None:
    """Have the stream none: it isn't begun."""
    await connection.execute("DELETE FROM stream_partitions WHERE stream = $1", stream)


async def begin(connection: Connection, stream: str, state: PartitionState) -> None:
    """Have the stream one partition, in this state."""
    await clear(connection, stream)
    await share(connection, stream, {state.number: state.window})
    await advance(connection, stream, state.number, state.checkpoint)


async def share(connection: Connection, stream: str, windows: Mapping[int, Window]) -> None:
    """Give partitions, new ones too, the windows that they have from now on."""
    if windows:
        # A column for each field of Window, in its order.
        rows = [(stream, number, *msgspec.structs.astuple(window)) for number, window in windows.items()]
        await connection.executemany(_SHARE, rows)


async def advance(connection: Connection, stream: str, number: int, to: Checkpoint) -> None:
    """Write a partition's checkpoint. Its window is as `share` left it.

    Raises:
        SchemaMismatch: there is no such row any more; whoever deleted it had no epoch.
    """
    status = await connection.execute(
        "UPDATE stream_partitions SET cursor_value = $3, position = $4, pages = $5, served = $6, complete = $7,"
        " since_us = $8, newest_us = $9 WHERE stream = $1 AND number = $2",
        stream,
        number,
        to.cursor,
        None if to.position is None else msgspec.json.encode(to.position).decode(),
        to.pages,
        to.served,
        to.complete,
        to.since_us,
        to.newest_us,
    )
    if not affected(status):
        raise SchemaMismatch(
            f"the row of partition {number} of `{stream}` in `stream_partitions` is gone",
            hint="was it deleted by hand? Run with --restart to read the stream from its beginning",
        )


async def all_complete(connection: Connection, stream: str) -> bool:
    """Whether every partition was read to its end."""
    query = "SELECT bool_and(complete) FROM stream_partitions WHERE stream = $1"
    complete: bool = await connection.fetchval(query, stream)
    return complete


async def reopen(connection: Connection, stream: str, number: int) -> None:
    """Put every partition before its last page: any of them may have ended too early.

    Where the end is proven by what was served it is that of this `number` alone: what the other ones are served again
    would be counted again, and make up for what is missing.
    """
    await connection.execute(
        "UPDATE stream_partitions SET complete = false WHERE stream = $1 AND (number = $2"
        " OR (SELECT served_before FROM cursor_state WHERE stream = $1) IS NULL)",
        stream,
        number,
    )
