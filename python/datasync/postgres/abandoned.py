"""Have the server end a statement whose client is gone.

Unless told it looks for the client only when it reads from it or writes to it. A run that is killed during a long
statement would keep its locks until the end of that, and keep the next run out.
"""

from typing import Final

import asyncpg

from datasync.postgres.connection import Connection

_LOOK: Final = "SELECT set_config('client_connection_check_interval', '1s', true)"

_UNKNOWN: Final = (
    asyncpg.InvalidParameterValueError,  # the server's platform doesn't tell it of a connection that is closed
    asyncpg.UndefinedObjectError,  # a version before 14, or a server that only speaks as PostgreSQL does
)


async def noticing(connection: Connection) -> str:
    """The statement that has the server look each second, for a transaction; empty where it can't.

    A connection is asked once, outside of a transaction. Nothing is set in the session: a pooler may stand before it.
    """
    try:
        await connection.execute(_LOOK)
    except _UNKNOWN:
        return ""
    return _LOOK


async def notice(connection: Connection) -> None:
    """Have the server look each second until the transaction ends that `connection` is in, if it can."""
    try:
        async with connection.transaction():
            await connection.execute(_LOOK)
    except _UNKNOWN:
        return
