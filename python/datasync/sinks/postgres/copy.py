"""Rows into staging by COPY, and from there into the target."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, cast

from datasync._native import copy_stream
from datasync.failpoints import failpoint
from datasync.model import Chunk, Column
from datasync.postgres.connection import Connection

PIECE = 256 * 1024
"""Bytes handed to the socket at once. Larger ones hold up flow control; see the write-path figures in benches."""

# 2000-01-01, since 1970
_POSTGRES_EPOCH_US = 946_684_800_000_000
_POSTGRES_EPOCH_DAYS = 10_957


async def prepare(connection: Connection) -> None:
    """Make `connection` take and give timestamptz as microseconds, and date as days, since 1970 UTC.

    Python's datetime and date won't do: asyncpg stores their first and last values as -infinity and infinity.
    """
    for type_, epoch in (("timestamptz", _POSTGRES_EPOCH_US), ("date", _POSTGRES_EPOCH_DAYS)):
        encoder, decoder = _codec(epoch)
        await connection.set_type_codec(type_, schema="pg_catalog", format="tuple", encoder=encoder, decoder=decoder)


def _codec(epoch: int) -> tuple[Callable[[int], tuple[int]], Callable[[tuple[int]], int]]:
    """Numbers counted from 1970 to numbers counted from PostgreSQL's epoch, and back."""
    return lambda number: (number - epoch,), lambda value: value[0] + epoch


async def stage(connection: Connection, chunks: Sequence[Chunk], columns: Sequence[Column]) -> None:
    """COPY the rows of `chunks` into the staging table: binary on the fast lane, tuples on the record lane.

    Rows go in by the order of their keys, compared bytewise: the target's index is then filled from left to right,
    and all writers lock rows in one order.
    """
    names = [column.name for column in columns]
    pages = [chunk.copy for chunk in chunks if chunk.copy is not None and chunk.row_count]
    if pages:
        stream = memoryview(await asyncio.to_thread(copy_stream, pages))
        await connection.copy_to_table("staging_events", source=_pieces(stream), columns=names, format="binary")
        failpoint("copy_done")
    rows: list[tuple[Any, ...]] = list(chain.from_iterable(chunk.rows for chunk in chunks if chunk.rows))
    if rows:
        for index, column in enumerate(columns):
            if column.key:
                rows.sort(key=itemgetter(index))  # code points come in the order of their UTF-8
        await connection.copy_records_to_table("staging_events", records=rows, columns=names)


async def _pieces(stream: memoryview) -> AsyncIterator[bytes]:
    failpoint("copy_begun")
    for start in range(0, len(stream), PIECE):
        # asyncpg takes any buffer, whatever its stubs say; a copy to bytes would be made for them alone.
        yield cast("bytes", stream[start : start + PIECE])
        failpoint("mid_copy")


async def own(connection: Connection) -> None:
    """Keep the staging table to the transaction of `connection`.

    Runs of other streams use it, too: with rows of two in it each would wait for the other to empty it.
    """
    await connection.execute("LOCK TABLE staging_events IN SHARE ROW EXCLUSIVE MODE")


async def upsert(connection: Connection, columns: Sequence[Column]) -> int:
    """Move the staged rows into the target; rows whose key is there already stay as they are. Give the new ones."""
    names = ", ".join(f'"{column.name}"' for column in columns)
    status = await connection.execute(
        f"INSERT INTO ingested_events ({names}) SELECT {names} FROM staging_events ON CONFLICT (id) DO NOTHING"
    )
    failpoint("upsert_done")
    return int(status.rsplit(" ", 1)[1])


async def clear(connection: Connection) -> None:
    """Empty the staging table."""
    await connection.execute("TRUNCATE staging_events")
