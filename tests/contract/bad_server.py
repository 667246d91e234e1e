"""A server on loopback that treats each request as the test says, and the real transport against it."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from datasync.config import Secret, Settings
from datasync.config.schema import HttpSettings
from datasync.http.auth import ApiKeyAuth
from datasync.http.client import HttpxTransport
from datasync.model import Request
from tests.support import API_KEY

REQUEST = Request("/events", {})
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


HTTP = HttpSettings()


class Server:
    """Plays one handler per request, on loopback.

    Attributes:
        requests: of each connection, in the order in which they were made.
    """

    def __init__(self, *handlers: Handler) -> None:
        self._handlers = iter(handlers)
        self.requests: list[list[bytes]] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        requests: list[bytes] = []
        self.requests.append(requests)
        try:
            while True:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
                await next(self._handlers)(writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, StopIteration):
            pass
        finally:
            writer.close()


async def page(writer: asyncio.StreamWriter) -> None:
    writer.write(PAGE)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def then(data: bytes, end: Handler) -> Handler:
    """Send `data`, and when it has arrived, do `end`."""

    async def handler(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)
        await end(writer)

    return handler


def settings(base_url: str, *, http: HttpSettings = HTTP) -> Settings:
    key = Secret(API_KEY, source="API_KEY")
    return Settings(Secret("postgresql://unused", source="test"), base_url, key, http=http)


@contextlib.asynccontextmanager
async def client(server: Server, *, scheme: str = "http", http: HttpSettings = HTTP) -> AsyncIterator[HttpxTransport]:
    base_url = f"{scheme}://127.0.0.1:{server.port}/api"
    chosen = settings(base_url, http=http)
    async with HttpxTransport(chosen, ApiKeyAuth("X-API-Key", chosen.api_key, base_url=base_url)) as transport:
        yield transport


def ask(
    *handlers: Handler,
    times: int = 1,
    scheme: str = "http",
    tls: ssl.SSLContext | None = None,
    http: HttpSettings = HTTP,
) -> Server:
    """Send requests one after the other; an error of the last one is raised."""

    async def main() -> Server:
        server = Server(*handlers)
        async with server.running(tls), client(server, scheme=scheme, http=http) as transport:
            for _ in range(times):
                answer = await transport.get(REQUEST)
                assert (answer.status, answer.body) == (200, b"{}")
        return server

    return asyncio.run(main())
