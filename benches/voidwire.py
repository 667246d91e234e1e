"""asyncpg without the wire: COPY data is encoded as ever, and then dropped instead of sent.

asyncpg's encoder has no door of its own. So the connection is real, and only its transport leaves out the messages
that carry COPY data; the server sees a COPY of no rows.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from datasync._native import COPY_HEADER, COPY_TRAILER

COPY_DATA = b"d"
"""First byte of such a message, https://www.postgresql.org/docs/current/protocol-message-formats.html."""

NO_ROWS = COPY_DATA + (4 + len(COPY_HEADER) + len(COPY_TRAILER)).to_bytes(4, "big") + COPY_HEADER + COPY_TRAILER
"""A COPY stream without rows, as one message."""

Factory: TypeAlias = Callable[[], asyncio.Protocol]


class _Transport:
    """Passes everything on to a real transport but COPY data."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._write = self._transport.write
        self._copying = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # asyncpg writes whole messages, one at a time.
        copying = bytes(data[:1]) == COPY_DATA
        if copying and not self._copying:
            self._write(NO_ROWS)
        elif not copying:
            self._write(data)
        self._copying = copying

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Between(asyncio.Protocol):
    """Hands a protocol the other transport."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self.data_received = protocol.data_received  # type: ignore[method-assign]  # nothing but passed on
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]  # as above
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]  # as above
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]  # as above
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]  # as above

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(_Transport(transport))  # type: ignore[arg-type]  # it quacks like one


class Loop(asyncio.SelectorEventLoop):
    """A connection that asyncpg makes on it, without TLS, drops its COPY data."""

    async def create_connection(self, factory: Factory, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # as asyncpg calls it
        """Connect over TCP."""
        protocol = factory()
        transport, _ = await super().create_connection(lambda: _Between(protocol), *args, **kwargs)
        return transport, protocol

    async def create_unix_connection(self, factory: Factory, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # as above
        """Connect over a Unix socket."""
        protocol = factory()
        transport, _ = await super().create_unix_connection(lambda: _Between(protocol), *args, **kwargs)
        return transport, protocol
