"""Rows into the staging table, and nothing more."""

import asyncio
from collections.abc import Sequence

from datasync.model import Chunk, Column
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import staging
from datasync.sinks.postgres.rows import sort


async def stage(connection: Connection, chunks: Sequence[Chunk], columns: Sequence[Column]) -> None:
    """Sort and COPY as a writer does."""
    rows = await asyncio.to_thread(sort, chunks, columns)
    await rows.copy(connection, staging.FIRST, [column.name for column in columns], 0, len(rows))
