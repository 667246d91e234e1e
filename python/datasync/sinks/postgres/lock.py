"""One run per stream: an advisory lock that lives as long as its connection."""

import asyncio
import time
from typing import Final

import structlog

from datasync.errors import SinkBusy
from datasync.postgres.connection import Connection

PATIENCE: Final = 10.0
"""Seconds to wait for the lock in any case. A killed run's server process needs a moment to notice."""

_TRY = "SELECT pg_try_advisory_lock(hashtextextended('datasync:' || $1, 0))"


async def take(connection: Connection, stream: str, *, wait: bool) -> None:
    """Take the stream's lock for the life of `connection`; with `wait` however long another run holds it.

    Raises:
        SinkBusy: another run still holds it after PATIENCE.
    """
    deadline = time.monotonic() + PATIENCE
    announced = False
    while not await connection.fetchval(_TRY, stream):
        late = time.monotonic() >= deadline
        if late and not wait:
            raise SinkBusy(
                f"another run of `{stream}` is going on in this database",
                hint="wait for it to end (--wait does), or stop it; two runs would only repeat each other's requests",
            )
        if wait and not announced:
            announced = True
            structlog.get_logger().info("waiting for another run of the stream to end", stream=stream)
        await asyncio.sleep(1.0 if late else 0.1)
