"""What a connection is, wherever it comes from."""

from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""A connection, of the pool or alone."""


def affected(status: str) -> int:
    """The number of rows in a command's status, like `INSERT 0 20000`: a trigger may have left some out."""
    return int(status.rsplit(" ", 1)[1])
