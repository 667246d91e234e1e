"""The transaction of a batch, with the places at which tests end a run around its COMMIT."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from datasync.failpoints import failpoint, when_sent
from datasync.postgres.connection import Connection


@asynccontextmanager
async def committing(connection: Connection) -> AsyncIterator[None]:
    """Commit at the end of the body; roll back when it raises.

    Whatever the database's default is, statements see what was committed before each: they rely on it.
    """
    transaction = connection.transaction(isolation="read_committed")
    await transaction.start()
    try:
        yield
    except BaseException:
        with suppress(Exception):  # on a dead connection; what went wrong before matters
            await transaction.rollback()
        raise
    failpoint("before_commit")
    await when_sent("commit_sent", transaction.commit(), lambda: _unsent(connection))
    failpoint("after_commit")


def _unsent(connection: Any) -> int:
    waiting: int = connection._transport.get_write_buffer_size()  # noqa: SLF001 - only a failpoint that is armed asks
    return waiting
