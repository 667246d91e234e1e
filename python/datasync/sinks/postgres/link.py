"""One connection of a sink: made, made again when it breaks, and cut at the end."""

from contextlib import suppress
from typing import Final

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from datasync.config import Settings
from datasync.errors import SinkUnavailable
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import codecs

COMMAND_TIMEOUT: Final = 60.0
"""Seconds. No statement of ours takes that long on a healthy server, so none may hang for ever."""

CLOSE_TIMEOUT: Final = 5.0
"""Seconds for a clean close; then the connection is cut."""

_ZOMBIE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2
"""


class Link:
    """A connection that nothing is kept in between transactions, so that a pooler may stand before the server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._server_process: tuple[int, object] | None = None
        self.pooled = False

    @property
    def connection(self) -> Connection:
        """The connection.

        Raises:
            SinkUnavailable: there is none.
        """
        if self._connection is None or self._connection.is_closed():
            raise SinkUnavailable("the sink is not connected")
        return self._connection

    @property
    def usable(self) -> bool:
        """There is a connection, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    async def open(self) -> None:
        """Connect.

        Raises:
            SinkUnavailable: the server can't be reached within the connect timeout, or takes no writes.
            ConfigError: the URL, the user, the password or the database is wrong.
        """
        with mapped("connecting to PostgreSQL"):
            self._connection = connection = await self._connect()
            # A pooler makes its process up.
            self.pooled = await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid()
            await codecs.prepare(connection)
            if not self.pooled:
                row = await connection.fetchrow(
                    "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
                )
                self._server_process = None if row is None else (row[0], row[1])

    async def renew(self) -> None:
        """Connect again. The server's end of the old connection is ended: its locks would be in the way."""
        self.cut()
        old = self._server_process
        await self.open()
        if old is not None:
            # It needs no more rights than ours, but who knows the server's rules.
            with mapped("ending the old connection"), suppress(asyncpg.PostgresError):
                await self.connection.execute(_ZOMBIE, *old)

    def cut(self) -> None:
        """Drop the connection at once."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Close the connection. Never raises."""
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.close(timeout=CLOSE_TIMEOUT)
            self.cut()

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            self._settings.database_url.reveal(),
            timeout=self._settings.connection.timeout,
            command_timeout=COMMAND_TIMEOUT,
            # A prepared statement may be in another of the pooler's connections next time.
            statement_cache_size=0,
            # Nothing else: poolers refuse what they don't know. The rest is set in each transaction.
            server_settings={"application_name": "datasync"},
            target_session_attrs=SessionAttribute.read_write,
        )
