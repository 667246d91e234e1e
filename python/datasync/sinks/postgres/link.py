"""One connection of a sink: made, made again when it breaks, and cut at the end."""

import asyncio
import socket
from contextlib import suppress
from typing import Any, Final

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from datasync.config import Settings
from datasync.errors import SinkUnavailable
from datasync.postgres.abandoned import noticing
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import codecs

COMMAND_TIMEOUT: Final = 60.0
"""Seconds. No statement of ours takes that long on a healthy server, so none may hang for ever."""

CLOSE_TIMEOUT: Final = 5.0
"""Seconds for a clean close; then the connection is cut."""

SEND_BUFFER: Final = 1024 * 1024
"""Bytes that a unix socket may hold on their way to the server; Linux allows `net.core.wmem_max`, and that twice.

By its default of 208 KiB a server that COPYs runs out of rows before this process is told that there is room. TCP sees
to that itself.
"""

# The view of the same name asks four tables besides, which takes a new connection two milliseconds.
_PROCESS = "SELECT pid, backend_start FROM pg_stat_get_activity(pg_backend_pid())"

_ZOMBIE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2
"""


class Link:
    """A connection that nothing is kept in between transactions, so that a pooler may stand before the server.

    Attributes:
        pooled: one does.
        noticing: a statement for the beginning of a transaction, or nothing; see `abandoned`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._server_process: tuple[int, object] | None = None
        self._zombies: list[tuple[int, object]] = []  # processes of ours at whose end nobody listens
        self._opening: asyncio.Task[None] | None = None
        self.pooled = False
        self.noticing = ""

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

    def open_soon(self) -> None:
        """Begin to connect, unless it is, or has begun. `open` waits for the end of it, and so does `close`."""
        if not self.usable and self._opening is None:
            self._opening = asyncio.create_task(self._open())

    async def open(self) -> None:
        """Connect, or wait for what `open_soon` began; nothing where that is done.

        Raises:
            SinkUnavailable: the server can't be reached within the connect timeout, or takes no writes.
            ConfigError: the URL, the user, the password or the database is wrong.
        """
        opening, self._opening = self._opening, None
        if opening is not None:
            await opening
        elif not self.usable:
            await self._open()

    async def _open(self) -> None:
        with mapped("connecting to PostgreSQL"):
            self._connection = connection = await self._connect()
            _widen(connection)
            await codecs.prepare(connection)
            self._server_process = await server_process(connection)
            self.pooled = self._server_process is None
            self.noticing = await noticing(connection)

    async def renew(self) -> None:
        """Connect again. The server's end of the old connection is ended: its locks would be in the way."""
        self.cut()
        await self.open()
        while self._zombies:
            # It needs no more rights than ours, but who knows the server's rules.
            with mapped("ending the old connection"), suppress(asyncpg.InsufficientPrivilegeError):
                await self.connection.execute(_ZOMBIE, *self._zombies[-1])
            self._zombies.pop()

    def cut(self) -> None:
        """Drop the connection at once."""
        if self._server_process is not None:
            self._zombies.append(self._server_process)
            self._server_process = None
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Close the connection. Never raises."""
        if self._opening is not None:
            # Given up at once it might leave a socket behind: asyncpg asks the server something before it is done.
            with suppress(Exception):
                await asyncio.wait_for(self._opening, CLOSE_TIMEOUT)
            self._opening = None
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


async def server_process(connection: Any) -> tuple[int, object] | None:
    """Number and start of the server's process; None behind a pooler, which makes one up."""
    process = await connection.fetchrow(_PROCESS)
    return None if process is None or process["pid"] != connection.get_server_pid() else tuple(process)


def _widen(connection: Any) -> None:
    """Give the connection a large send buffer, if it is a unix socket's."""
    found: socket.socket | None = connection._transport.get_extra_info("socket")  # noqa: SLF001 - there is no other way
    if found is not None and found.family == getattr(socket, "AF_UNIX", None):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
