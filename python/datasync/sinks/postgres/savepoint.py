"""Statements of a transaction that may fail, and be taken back, without an end to the transaction.

asyncpg's own nested transactions leave their savepoint in place when they fail. Where many fail, each of them holds a
place in the server's table of locks until the COMMIT, and makes all later ones slower.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from datasync.postgres.connection import Connection

# Of those with one name the last one is meant, so that they may stand in each other.
_SET = "SAVEPOINT datasync"
_KEEP = "RELEASE SAVEPOINT datasync"
_TAKE_BACK = f"ROLLBACK TO SAVEPOINT datasync; {_KEEP}"


class Savepoint:
    """What was done since it was set is kept, unless told otherwise."""

    def __init__(self) -> None:
        self.kept = True

    def take_back(self) -> None:
        """Have the end of the body take back all that it did."""
        self.kept = False


@asynccontextmanager
async def savepoint(connection: Connection) -> AsyncIterator[Savepoint]:
    """Keep what the body does in the transaction of `connection`; take it back if it raises, or says so.

    Nothing is left of the savepoint either way.
    """
    await connection.execute(_SET)
    point = Savepoint()
    try:
        yield point
    except BaseException:
        await connection.execute(_TAKE_BACK)
        raise
    await connection.execute(_KEEP if point.kept else _TAKE_BACK)
