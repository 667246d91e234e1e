"""A column that was changed while a run goes on: what fails then names neither it nor its table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from datasync.errors import SchemaMismatch, SinkConflict, SinkError, SinkUnavailable
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import shape
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.target import Target

_OF_BYTES: Final = (asyncpg.ProtocolViolationError, asyncpg.InternalServerError)
"""What a server says to bytes in COPY that are those of another type."""


@asynccontextmanager
async def told(link: Link, target: Target) -> AsyncIterator[None]:
    """Where the body fails because a column of the target isn't what it was, say so. Stands around its transaction.

    Raises:
        SchemaMismatch: with the table and the column, in place of what the body raised.
    """
    try:
        yield
    except SinkError as error:
        if link.usable and (isinstance(error, SchemaMismatch) or isinstance(error.__cause__, _OF_BYTES)):
            with suppress(SinkUnavailable, SinkConflict), mapped("looking at the table"):
                await shape.check_columns(link.connection, target.into, target.columns)
        raise
