"""The network between this machine and the API, on real sockets; the resolver of names is the test's."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from datasync.config.schema import HttpSettings
from datasync.errors import NetworkError, RetriableSourceError
from datasync.http.auth import ApiKeyAuth
from datasync.http.budget import RetryBudget
from datasync.http.client import HttpxTransport
from datasync.http.retry import retrying
from datasync.http.transport import Answer
from tests.contract.bad_server import PAGE, REQUEST, Handler, Server, ask, client, close, page, settings

Found = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the machine's own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str]], None]:
    """Decide what `api.test` means: an address, or an error."""
    real = socket.getaddrinfo

    def use(answer: Callable[[], str]) -> None:
        def look_up(host: Any, port: Any, *more: Any, **named: Any) -> Found:
            name = host.decode() if isinstance(host, bytes) else host
            return list(real(answer() if name == "api.test" else host, port, *more, **named))

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return use


@asynccontextmanager
async def named(port: int, *, http: HttpSettings = HttpSettings()) -> Any:  # noqa: B008 - frozen
    """The transport to `api.test`."""
    base_url = f"http://api.test:{port}/api"
    chosen = settings(base_url, http=http)
    async with HttpxTransport(chosen, ApiKeyAuth("X-API-Key", chosen.api_key, base_url=base_url)) as transport:
        yield transport


@pytest.mark.fault(32)
def test_a_name_that_cannot_be_looked_up_is_looked_up_again(resolver: Callable[[Callable[[], str]], None]) -> None:
    failures = [socket.EAI_AGAIN, socket.EAI_NONAME]

    def answer() -> str:
        if failures:
            raise socket.gaierror(failures.pop(), "no answer")
        return "127.0.0.1"

    resolver(answer)

    async def main() -> None:
        server = Server(page)
        async with server.running(), named(server.port) as transport:
            for _ in range(2):
                with pytest.raises(NetworkError, match="no answer"):
                    await transport.get(REQUEST)
            assert (await transport.get(REQUEST)).status == 200

    asyncio.run(main())


@pytest.mark.fault(32)
def test_a_slow_look_up_ends_at_the_timeout(resolver: Callable[[Callable[[], str]], None]) -> None:
    enough = threading.Event()

    def answer() -> str:
        enough.wait(60)
        return "127.0.0.1"

    resolver(answer)

    async def main() -> None:
        async with named(1, http=HttpSettings(timeout=0.3)) as transport:
            started = time.monotonic()
            with pytest.raises(NetworkError, match=r"within 0\.3 s"):
                await transport.get(REQUEST)
            assert time.monotonic() - started < 30
            enough.set()  # the thread that looks up can't be cancelled

    asyncio.run(main())


@pytest.mark.fault(32)
def test_an_address_that_changes_is_followed_with_the_next_connection(
    resolver: Callable[[Callable[[], str]], None],
) -> None:
    address = "127.0.0.1"
    resolver(lambda: address)

    async def last(writer: asyncio.StreamWriter) -> None:
        writer.write(PAGE.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))
        await writer.drain()
        writer.close()

    async def main() -> tuple[Server, Server]:
        nonlocal address
        old, new = Server(last), Server(page)
        async with old.running():
            other = await asyncio.start_server(new.serve, "127.0.0.2", old.port)
            async with other, named(old.port) as transport:
                await transport.get(REQUEST)
                address = "127.0.0.2"
                await transport.get(REQUEST)
        return old, new

    assert [len(server.requests) for server in asyncio.run(main())] == [1, 1]


@contextmanager
def full() -> Iterator[int]:
    """The port of a server that takes no connection and refuses none."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # more than wait in line; the others get no answer at all
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.fault(33)
def test_a_connection_that_is_refused_or_never_made_is_a_network_error() -> None:
    async def get(port: int) -> None:
        server = Server()
        server.port = port
        async with client(server, http=HttpSettings(timeout=0.3)) as transport:
            await transport.get(REQUEST)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NetworkError):
            asyncio.run(get(unused.getsockname()[1]))
    with full() as port, pytest.raises(NetworkError, match=r"within 0\.3 s"):
        asyncio.run(get(port))


@pytest.mark.fault(35)
def test_a_pooled_connection_that_is_dead_without_a_sign_is_given_up_and_not_used_again() -> None:
    async def silence(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async def main() -> Server:
        server = Server(page, silence, page)
        async with server.running(), client(server, http=HttpSettings(timeout=0.3)) as transport:
            await transport.get(REQUEST)
            with pytest.raises(NetworkError, match=r"within 0\.3 s"):
                await transport.get(REQUEST)
            assert (await transport.get(REQUEST)).body == b"{}"
        return server

    assert [len(requests) for requests in asyncio.run(main()).requests] == [2, 1]


@pytest.mark.fault(38)
def test_a_server_that_closes_after_each_answer_costs_a_connection_each_and_no_failure() -> None:
    async def once(writer: asyncio.StreamWriter) -> None:
        writer.write(PAGE.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))
        await writer.drain()
        await close(writer)

    server = ask(once, once, once, times=3)
    assert [len(requests) for requests in server.requests] == [1, 1, 1]


class OneAtATime(Server):
    """Hangs up on every connection beside the first."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(*[handler] * 100)
        self._busy = False
        self.turned_away = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._busy:
            self.turned_away += 1
            writer.close()
            return
        self._busy = True
        try:
            await super().serve(reader, writer)
        finally:
            self._busy = False


@pytest.mark.fault(38)
def test_requests_beyond_a_limit_of_connections_are_asked_again() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(PAGE.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))
        await writer.drain()
        writer.close()

    async def main() -> OneAtATime:
        server = OneAtATime(slow)
        failures: list[RetriableSourceError] = []
        async with server.running(), client(server) as transport:

            async def one(budget: RetryBudget) -> Answer:
                return await retrying(
                    lambda: transport.get(REQUEST),
                    limits=HttpSettings(),
                    budget=budget,
                    wait=lambda _: asyncio.sleep(0.02),
                    failed=failures.append,
                )

            # Budgets of their own: that of all of them is tested elsewhere, and would make this slow.
            answers = await asyncio.gather(*(one(RetryBudget(time.monotonic)) for _ in range(4)))
        assert [answer.status for answer in answers] == [200] * 4
        assert failures
        return server

    assert asyncio.run(main()).turned_away > 0


@pytest.mark.fault(38)
def test_no_http_2_is_spoken_to_a_server_that_offers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    chosen = []

    async def handler(writer: asyncio.StreamWriter) -> None:
        chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await page(writer)

    ask(handler, scheme="https", tls=context)
    assert chosen == ["http/1.1"]
