"""The stream as a whole: one row of `cursor_state` with its counts and the epoch that guards every write."""

import msgspec

from datasync.errors import LeaseLost
from datasync.model import Batch, Committed
from datasync.postgres.connection import Connection


class Progress(msgspec.Struct, frozen=True):
    """How far the stream's row has come.

    Attributes:
        epoch: of the run that may write.
        batch: number of the last batch that was committed, over all runs.
        rows: new ones, over all runs.
        known: records whose key was there before, over all runs.
    """

    epoch: int
    batch: int
    rows: int
    known: int


_PROGRESS = "epoch, batch, events_ingested, updated + unchanged + duplicates"

_FORGET = (
    ", source = excluded.source, cursor_value = '', pages = 0, served = 0, total = NULL, complete = false"
    ", events_ingested = 0, updated = 0, unchanged = 0, duplicates = 0, quarantined = 0, dropped = 0"
)

_ADVANCE = f"""
UPDATE cursor_state SET batch = batch + 1, cursor_value = $4, pages = pages + $5, served = served + $6,
    total = coalesce(total, $7), events_ingested = events_ingested + $8, updated = updated + $9,
    unchanged = unchanged + $10, duplicates = duplicates + $11, quarantined = quarantined + $12,
    dropped = dropped + $13, updated_at = now()
WHERE stream = $1 AND epoch = $2 AND batch = $3 - 1
RETURNING {_PROGRESS}
"""


async def source(connection: Connection, stream: str) -> str | None:
    """The API that the stream is read from; None when it was never begun. Writes nothing."""
    found: str | None = await connection.fetchval("SELECT source FROM cursor_state WHERE stream = $1", stream)
    return found


async def take_over(connection: Connection, stream: str, source: str | None, *, restart: bool) -> Progress:
    """Begin a new epoch: from now on no earlier run can commit. Belongs into a transaction.

    With `restart` the stream begins anew: its partitions and its counts are forgotten, its rows stay.
    """
    row = await connection.fetchrow(
        "INSERT INTO cursor_state AS state (stream, source, cursor_value, epoch) VALUES ($1, $2, '', 1)"
        " ON CONFLICT (stream) DO UPDATE SET epoch = state.epoch + 1"
        f"{_FORGET if restart else ''} RETURNING {_PROGRESS}",
        stream,
        source,
    )
    assert row is not None  # the statement gives one, whatever was there
    return Progress(*row)


async def read(connection: Connection, stream: str) -> Progress | None:
    """The stream's row; None when there is none."""
    row = await connection.fetchrow(f"SELECT {_PROGRESS} FROM cursor_state WHERE stream = $1", stream)
    return None if row is None else Progress(*row)


async def advance(
    connection: Connection, stream: str, epoch: int, number: int, batch: Batch, done: Committed
) -> Progress | None:
    """Count a batch for its stream, inside the batch's transaction.

    None, and nothing done, if the batch before `number` is not the last one, or the epoch is over. The caller's
    transaction must then not commit.
    """
    row = await connection.fetchrow(
        _ADVANCE,
        stream,
        epoch,
        number,
        batch.checkpoint.cursor or "",
        len(batch.chunks),
        batch.records,
        batch.checkpoint.total,
        done.rows,
        done.updated,
        done.unchanged,
        done.duplicates,
        done.quarantined,
        batch.dropped,
    )
    return None if row is None else Progress(*row)


def lost(stream: str) -> LeaseLost:
    """The error of a run whose epoch is over."""
    return LeaseLost(f"another run took `{stream}` over; this one stops", hint="one run per stream is enough")


async def reopen(connection: Connection, stream: str, dropped: int) -> None:
    """Take back that transforms left out `dropped` records of the stream's last page, and count them as seen before.

    It will be read again, and nothing tells that it is the same. Counted twice it would make up for missing records.
    """
    await connection.execute(
        "UPDATE cursor_state SET dropped = dropped - $2, duplicates = duplicates + $2 WHERE stream = $1",
        stream,
        dropped,
    )


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


async def touch(connection: Connection, stream: str, epoch: int) -> None:
    """Write something of no meaning: when its commit has reached the disk, all earlier ones have."""
    await connection.execute(
        "UPDATE cursor_state SET updated_at = now() WHERE stream = $1 AND epoch = $2", stream, epoch
    )
