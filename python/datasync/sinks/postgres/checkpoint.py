"""The stream as a whole: one row of `cursor_state` with its counts and the epoch that guards every write."""

import asyncio
import time
from collections.abc import Sequence

from datasync.errors import LeaseLost, SinkBusy
from datasync.model import Batch, Chunk, Committed
from datasync.postgres.connection import Connection

LOCK_WAIT = 10.0
"""Seconds to wait for the stream's lock. A killed run's server process needs a moment to notice."""


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


async def source(connection: Connection, stream: str) -> str | None:
    """The API that the stream is read from; None when it was never begun. Writes nothing."""
    found: str | None = await connection.fetchval("SELECT source FROM cursor_state WHERE stream = $1", stream)
    return found


async def take_over(connection: Connection, stream: str, source: str, *, restart: bool) -> int:
    """Begin a new epoch and give it: from now on no earlier run can commit. Belongs into a transaction.

    With `restart` the stream begins anew: its partitions and its counts are forgotten, its rows stay.
    """
    epoch: int = await connection.fetchval(
        "INSERT INTO cursor_state AS state (stream, source, cursor_value, epoch) VALUES ($1, $2, '', 1)"
        f" ON CONFLICT (stream) DO UPDATE SET epoch = state.epoch + 1{_FORGET if restart else ''} RETURNING epoch",
        stream,
        source,
    )
    return epoch


_FORGET = (
    ", source = excluded.source, cursor_value = '', pages = 0, served = 0, total = NULL,"
    " complete = false, events_ingested = 0, duplicates = 0, quarantined = 0, dropped = 0"
)


async def advance(connection: Connection, stream: str, epoch: int, batch: Batch, done: Committed) -> None:
    """Count a batch for its stream, inside the batch's transaction.

    Raises:
        LeaseLost: the epoch is over; the caller's transaction must not commit.
    """
    status = await connection.execute(
        "UPDATE cursor_state SET cursor_value = $3, pages = pages + $4, served = served + $5,"
        " total = greatest(total, $6), events_ingested = events_ingested + $7, duplicates = duplicates + $8,"
        " quarantined = quarantined + $9, dropped = dropped + $10, updated_at = now()"
        " WHERE stream = $1 AND epoch = $2",
        stream,
        epoch,
        batch.checkpoint.cursor or "",
        len(batch.chunks),
        batch.records,
        batch.checkpoint.total,
        done.rows,
        done.duplicates,
        done.quarantined,
        batch.dropped,
    )
    if status != "UPDATE 1":
        raise LeaseLost(f"another run took `{stream}` over; this one stops", hint="one run per stream is enough")


async def reopen(connection: Connection, stream: str, last: Sequence[Chunk]) -> None:
    """Take back what the stream's `last` page, if there is one, left out.

    It will be read again, and nothing tells that it is the same. Counted twice it would make up for missing records.
    """
    dropped = sum(chunk.dropped for chunk in last)
    await connection.execute("UPDATE cursor_state SET dropped = dropped - $2 WHERE stream = $1", stream, dropped)


async def again(connection: Connection, stream: str) -> None:
    """Take back what transforms left out: a chain is read again from its beginning, and they will leave it out again.

    Counted twice it would make up for missing records. Until then it counts as what came twice. Where several
    partitions were read this takes back too much, so that records may seem to be missing, but never the other way.
    """
    await connection.execute(
        "UPDATE cursor_state SET duplicates = duplicates + dropped, dropped = 0 WHERE stream = $1", stream
    )


async def finish(connection: Connection, stream: str) -> None:
    """Mark the stream complete, in the transaction of its last batch."""
    await connection.execute("UPDATE cursor_state SET complete = true WHERE stream = $1", stream)
