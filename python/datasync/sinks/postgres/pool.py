"""Connections to PostgreSQL."""

import asyncpg

from datasync.config import Settings
from datasync.postgres.errors import mapped

COMMAND_TIMEOUT = 60.0
"""Seconds. No statement of ours takes that long on a healthy server, so none may hang for ever."""


async def create_pool(settings: Settings) -> "asyncpg.Pool[asyncpg.Record]":
    """Connect; the first connection is made at once, so an unreachable server shows here.

    Raises:
        SinkUnavailable: can't be reached within the connect timeout.
        ConfigError: the URL, the user, the password or the database is wrong.
    """
    with mapped("connecting to PostgreSQL"):
        return await asyncpg.create_pool(
            settings.database_url.reveal(),
            min_size=1,
            max_size=settings.pool.max_size,
            max_inactive_connection_lifetime=settings.pool.max_idle,
            timeout=settings.pool.connect_timeout,
            command_timeout=COMMAND_TIMEOUT,
            # jit: our statements are short and many; planning for it costs more than it gives.
            server_settings={"application_name": "datasync", "jit": "off", "timezone": "UTC"},
        )
