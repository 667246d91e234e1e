"""The stream as a whole: one row of `cursor_state` with its counts and the epoch that guards every write."""

from collections.abc import Mapping
from typing import Final

import msgspec

from datasync.model import Batch, Committed
from datasync.postgres.connection import Connection

DEFAULT: Final = "ingested_events"
"""The table of streams that were begun before there were others."""


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
    ", source = excluded.source, table_name = excluded.table_name, served_before = excluded.served_before"
    ", cursor_value = '', pages = 0, served = 0, total = NULL, complete = false"
    ", first_batch = excluded.first_batch * (state.batch + 1), reading = '{}'"
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


# A round that goes over everything once more counts its records anew: those of earlier ones were seen before.
_AGAIN = """
UPDATE cursor_state SET cursor_value = '', total = NULL, complete = false,
    duplicates = duplicates + dropped + CASE WHEN $2 THEN events_ingested ELSE 0 END, dropped = 0,
    events_ingested = CASE WHEN $2 THEN 0 ELSE events_ingested END,
    served_before = CASE WHEN $3 THEN served END, first_batch = CASE WHEN $4 THEN batch + 1 ELSE first_batch END
WHERE stream = $1
"""


async def origin(connection: Connection, stream: str) -> tuple[str, str] | None:
    """The API that the stream is read from and the table it goes to; None when it was never begun. Writes nothing."""
    row = await connection.fetchrow(
        f"SELECT source, coalesce(to_jsonb(s) ->> 'table_name', '{DEFAULT}') FROM cursor_state AS s WHERE stream = $1",
        stream,
    )
    return None if row is None else (row[0], row[1])


async def reading(connection: Connection, stream: str) -> Mapping[str, str]:
    """How the stream is read, as far as is known; see `sinks/reading.py`. Writes nothing."""
    found: str | None = await connection.fetchval(
        "SELECT to_jsonb(s) ->> 'reading' FROM cursor_state AS s WHERE stream = $1", stream
    )
    return {} if found is None else msgspec.json.decode(found, type=dict[str, str])


async def keep_reading(connection: Connection, stream: str, how: Mapping[str, str]) -> None:
    """Keep how the stream is read from here on. Belongs into the transaction that takes it over."""
    await connection.execute(
        "UPDATE cursor_state SET reading = reading || $2 WHERE stream = $1", stream, msgspec.json.encode(how).decode()
    )


async def has_rows(connection: Connection, stream: str) -> bool:
    """Whether the stream has stored any row. Writes nothing."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM cursor_state WHERE stream = $1 AND events_ingested > 0)", stream
    )
    return found


async def take_over(
    connection: Connection,
    stream: str,
    source: str | None,
    *,
    table: str = DEFAULT,
    newer: bool = False,
    whole: bool = False,
    restart: bool,
) -> Progress:
    """Begin a new epoch: from now on no earlier run can commit. Belongs into a transaction.

    Args:
        connection: in the transaction.
        stream: to take.
        source: the API, of a stream that begins.
        table: its rows go to, of a stream that begins.
        newer: the API is asked, and tells a total, of what is newer alone; of a stream that begins.
        whole: all that the API has is read: no record counts as quarantined that doesn't come again; of a stream that
            begins.
        restart: the stream begins anew: its counts are forgotten, its rows stay.
    """
    row = await connection.fetchrow(
        "INSERT INTO cursor_state AS state (stream, source, table_name, served_before, first_batch, cursor_value,"
        " epoch) VALUES ($1, $2, $3, $4, $5, '', 1) ON CONFLICT (stream) DO UPDATE SET epoch = state.epoch + 1"
        f"{_FORGET if restart else ''} RETURNING {_PROGRESS}",
        stream,
        source,
        table,
        0 if newer else None,
        int(whole),
    )
    assert row is not None  # the statement gives one, whatever was there
    return Progress(*row)


async def next_round(connection: Connection, stream: str, *, newer: bool, anew: bool, whole: bool) -> None:
    """Have a stream that is complete go on. Belongs into the transaction that takes it over.

    Args:
        connection: in the transaction.
        stream: that is complete.
        newer: the API is asked, and tells a total, of what is newer alone.
        anew: no row of an earlier round counts as stored.
        whole: all that the API has is read: no record counts as quarantined that doesn't come again.
    """
    await connection.execute(_AGAIN, stream, anew, newer, whole)


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


async def reopen(connection: Connection, stream: str, *, dropped: int, records: int) -> None:
    """Take back what the stream's last page counted towards the end: it will be read again.

    Nothing tells then that it is the same, and counted twice it would make up for missing records. What transforms left
    out counts as seen before; that so many `records` were served doesn't count, where that is what proves the end.
    """
    await connection.execute(
        "UPDATE cursor_state SET dropped = dropped - $2, duplicates = duplicates + $2,"
        " served_before = served_before + $3 WHERE stream = $1",
        stream,
        dropped,
        records,
    )


async def again(connection: Connection, stream: str) -> None:
    """Take back what transforms left out: a chain is read again from its beginning, and they will leave it out again.

    Counted twice it would make up for missing records. Until then it counts as what came twice. Where several
    partitions were read this takes back too much, so that records may seem to be missing, but never the other way. The
    same goes for what was served in this round, where that is what proves the end.
    """
    await connection.execute(
        "UPDATE cursor_state SET duplicates = duplicates + dropped, dropped = 0,"
        " served_before = CASE WHEN served_before IS NOT NULL THEN served END WHERE stream = $1",
        stream,
    )


async def finish(connection: Connection, stream: str) -> None:
    """Mark the stream complete, in the transaction of its last batch."""
    await connection.execute("UPDATE cursor_state SET complete = true WHERE stream = $1", stream)


async def touch(connection: Connection, stream: str, epoch: int) -> None:
    """Write something of no meaning: when its commit has reached the disk, all earlier ones have."""
    await connection.execute(
        "UPDATE cursor_state SET updated_at = now() WHERE stream = $1 AND epoch = $2", stream, epoch
    )
