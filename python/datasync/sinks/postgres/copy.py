"""Rows into staging by COPY, and from there into the target."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import chain
from typing import cast

from datasync._native import COPY_HEADER, COPY_TRAILER
from datasync.model import Chunk
from datasync.sinks.postgres.pool import Connection

PIECE = 256 * 1024
"""Bytes handed to the socket at once. Larger ones hold up flow control; see the write-path figures in benches."""


_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01, in microseconds since 1970


async def prepare(connection: Connection) -> None:
    """Make `connection` take and give timestamptz as microseconds since 1970 UTC.

    Python's datetime won't do: asyncpg stores its first and its last moment as -infinity and infinity.
    """
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda us: (us - _POSTGRES_EPOCH_US,),
        decoder=lambda value: value[0] + _POSTGRES_EPOCH_US,
    )


async def stage(connection: Connection, chunks: Sequence[Chunk], columns: Sequence[str]) -> None:
    """COPY the rows of `chunks` into the staging table: binary on the fast lane, tuples on the record lane."""
    buffers = [chunk.copy for chunk in chunks if chunk.copy is not None and chunk.row_count]
    if buffers:
        await connection.copy_to_table("staging_events", source=_stream(buffers), columns=columns, format="binary")
    rows = list(chain.from_iterable(chunk.rows for chunk in chunks if chunk.rows))
    if rows:
        await connection.copy_records_to_table("staging_events", records=rows, columns=columns)


async def _stream(buffers: Iterable[memoryview]) -> AsyncIterator[bytes]:
    yield COPY_HEADER
    for buffer in buffers:
        for start in range(0, len(buffer), PIECE):
            # asyncpg takes any buffer, whatever its stubs say; a copy to bytes would be made for them alone.
            yield cast("bytes", buffer[start : start + PIECE])
    yield COPY_TRAILER


async def upsert(connection: Connection, columns: Sequence[str]) -> int:
    """Move the staged rows into the target; rows whose key is there already stay as they are. Give the new ones."""
    names = ", ".join(f'"{name}"' for name in columns)
    status = await connection.execute(
        f"INSERT INTO ingested_events ({names}) SELECT {names} FROM staging_events ON CONFLICT (id) DO NOTHING"
    )
    return int(status.rsplit(" ", 1)[1])


async def clear(connection: Connection) -> None:
    """Empty the staging table."""
    await connection.execute("TRUNCATE staging_events")
