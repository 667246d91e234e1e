"""A server on a real socket whose every byte the test decides, and our transport to ask it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx

from datasync.config import Secret, Settings
from datasync.config.schema import HttpSettings
from datasync.http.auth import ApiKeyAuth
from datasync.http.client import HttpxTransport
from tests.support import API_KEY

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""From the head of a request to an answer; one request a connection."""


class RawServer:
    """Serves `handler` on loopback.

    Attributes:
        port: it listens on.
        connections: that were opened.
        heads: of the requests that came.
        ended: set when a handler has come to its end, however that was.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.port = 0
        self.connections = 0
        self.heads: list[bytes] = []
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["RawServer"]:
        def connected() -> asyncio.StreamReaderProtocol:
            self.connections += 1  # before a handshake, too
            reader = asyncio.StreamReader(limit=1 << 20)
            return asyncio.StreamReaderProtocol(reader, self._serve)

        server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await self._handler(self.heads[-1], writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended.set()
            writer.close()


def reply(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> Handler:
    async def handler(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    return handler


def settings(base_url: str, *, timeout: float = 10.0, max_page_bytes: int = 100_000) -> Settings:
    http = HttpSettings(timeout=timeout, max_page_bytes=max_page_bytes)
    key = Secret(API_KEY, source="API_KEY")
    return Settings(Secret("postgresql://unused", source="test"), base_url, key, http=http)


def transport(base_url: str, *, auth: httpx.Auth | None = None, **http: float) -> HttpxTransport:
    """Our transport for an API at `base_url`, with the key in X-API-Key unless `auth` is given."""
    chosen = settings(base_url, **http)  # type: ignore[arg-type]  # by name
    return HttpxTransport(chosen, auth or ApiKeyAuth("X-API-Key", chosen.api_key, base_url=base_url))
