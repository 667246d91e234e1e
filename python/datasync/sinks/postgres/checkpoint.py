"""The checkpoint of a stream: one row of `cursor_state`, guarded by an epoch."""

import asyncio
import time

import asyncpg
import msgspec

from datasync.errors import ConfigError, LeaseLost, SinkBusy
from datasync.model import Batch, Checkpoint, Committed
from datasync.postgres.connection import Connection

LOCK_WAIT = 10.0
"""Seconds to wait for the stream's lock. A killed run's server process needs a moment to notice."""

_COLUMNS = "cursor_value, position, pages, served, total, complete"


async def lock(connection: Connection, stream: str) -> None:
    """Take the stream's lock for the life of `connection`.

    Raises:
        SinkBusy: another run still holds it after LOCK_WAIT.
    """
    deadline = time.monotonic() + LOCK_WAIT
    while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended('datasync:' || $1, 0))", stream):
        if time.monotonic() >= deadline:
            raise SinkBusy(
                f"another run of `{stream}` is going on in this database",
                hint="wait for it to end, or stop it; two runs of one stream would only repeat each other's requests",
            )
        await asyncio.sleep(0.1)


async def read(connection: Connection, stream: str, source: str) -> Checkpoint:
    """The stream's checkpoint; the beginning when there is none. Writes nothing.

    Raises:
        ConfigError: it belongs to another API than `source`, whose cursors mean nothing here.
    """
    row = await connection.fetchrow(f"SELECT {_COLUMNS}, source FROM cursor_state WHERE stream = $1", stream)
    if row is None:
        return Checkpoint()
    if row["source"] != source:
        raise ConfigError(
            f"the checkpoint of `{stream}` in this database is that of {row['source']}, not of {source}",
            hint="use another database, or read this API from its beginning with --restart",
        )
    return _checkpoint(row)


async def take_over(connection: Connection, stream: str, source: str, *, restart: bool) -> tuple[int, Checkpoint]:
    """Begin a new epoch: from now on no earlier run can commit. Give the epoch and the checkpoint.

    With `restart` the stream begins anew: its checkpoint and its counts are forgotten, its rows stay.
    """
    row = await connection.fetchrow(
        "INSERT INTO cursor_state AS state (stream, source, cursor_value, epoch) VALUES ($1, $2, '', 1)"
        f" ON CONFLICT (stream) DO UPDATE SET epoch = state.epoch + 1{_FORGET if restart else ''}"
        f" RETURNING epoch, {_COLUMNS}",
        stream,
        source,
    )
    assert row is not None  # RETURNING gives the row either way
    return row["epoch"], _checkpoint(row)


_FORGET = (
    ", source = excluded.source, cursor_value = '', position = NULL, pages = 0, served = 0, total = NULL,"
    " complete = false, events_ingested = 0, duplicates = 0, quarantined = 0, dropped = 0"
)


async def advance(connection: Connection, stream: str, epoch: int, batch: Batch, done: Committed) -> None:
    """Write the batch's checkpoint, inside the batch's transaction. That the end is proven is for `finish` to say.

    Raises:
        LeaseLost: the epoch is over; the caller's transaction must not commit.
    """
    to = batch.checkpoint
    status = await connection.execute(
        "UPDATE cursor_state SET cursor_value = $3, position = $4, pages = $5, served = $6, total = $7,"
        " events_ingested = events_ingested + $8, duplicates = duplicates + $9, quarantined = quarantined + $10,"
        " dropped = dropped + $11, updated_at = now() WHERE stream = $1 AND epoch = $2",
        stream,
        epoch,
        to.cursor or "",
        None if to.position is None else msgspec.json.encode(to.position).decode(),
        to.pages,
        to.served,
        to.total,
        done.rows,
        done.duplicates,
        done.quarantined,
        batch.dropped,
    )
    if status != "UPDATE 1":
        raise LeaseLost(f"another run took `{stream}` over; this one stops", hint="one run per stream is enough")


async def finish(connection: Connection, stream: str) -> None:
    """Mark the stream complete, after `advance` in the same transaction."""
    await connection.execute("UPDATE cursor_state SET complete = true WHERE stream = $1", stream)


def _checkpoint(row: asyncpg.Record) -> Checkpoint:
    return Checkpoint(
        cursor=row["cursor_value"] or None,
        position=None if row["position"] is None else msgspec.json.decode(row["position"]),
        pages=row["pages"],
        served=row["served"],
        total=row["total"],
        complete=row["complete"],
    )
