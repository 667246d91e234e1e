"""What a hostile or odd server, network or environment can't get out of the transport, over real sockets."""

import asyncio
import gzip
import zlib
from pathlib import Path

import pytest
import structlog

from datasync.config import Secret
from datasync.config.schema import HttpSettings
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.errors import ConfigError, ContractChanged, NetworkError, PageDamaged, SourceError
from datasync.http.auth import ApiKeyAuth
from datasync.http.client import HttpxTransport
from datasync.http.transport import Answer
from tests.contract.bad_server import REQUEST, Handler, Server, client, page, settings
from tests.support import API_KEY

HTTP = HttpSettings(max_page_bytes=100_000)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the machine's own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def reply(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> Handler:
    async def handler(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    return handler


def ask(handler: Handler) -> tuple[Answer, Server]:
    async def main() -> tuple[Answer, Server]:
        server = Server(handler)
        async with server.running(), client(server, http=HTTP) as transport:
            return await transport.get(REQUEST), server

    return asyncio.run(main())


class Flood:
    """Sends `head`, and then `part` until nobody takes it any more.

    Attributes:
        sent: bytes handed to the network.
        ended: set when the other side is gone.
    """

    def __init__(self, head: bytes, part: bytes) -> None:
        self._head = head
        self._part = part
        self.sent = 0
        self.ended = asyncio.Event()

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self._head)
        try:
            while True:
                writer.write(self._part)
                self.sent += len(self._part)
                await writer.drain()
        finally:
            self.ended.set()


def flooded(head: bytes, part: bytes) -> tuple[SourceError, int]:
    """Give the error that ends a flood, and how much of it was sent."""

    async def main() -> tuple[SourceError, int]:
        flood = Flood(head, part)
        server = Server(flood)
        async with server.running():
            async with client(server, http=HTTP) as transport:
                with pytest.raises(SourceError) as caught:
                    await transport.get(REQUEST)
            await asyncio.wait_for(flood.ended.wait(), 10)
        return caught.value, flood.sent

    return asyncio.run(main())


WHAT_SOCKETS_HOLD = 20_000_000


def test_headers_of_ninety_kilobytes_are_harmless() -> None:
    answer, _ = ask(reply(headers=f"X-Odd: {'a' * 90_000}\r\n"))
    assert answer.status == 200
    assert answer.headers["x-odd"] == "a" * 90_000


def test_headers_of_two_hundred_kilobytes_are_a_network_error() -> None:
    with pytest.raises(NetworkError, match="GET /events"):
        ask(reply(headers=f"X-Odd: {'a' * 200_000}\r\n"))


def test_headers_without_end_are_given_up_after_a_bounded_amount() -> None:
    error, sent = flooded(b"HTTP/1.1 200 OK\r\n", b"X-Odd: " + b"a" * 10_000 + b"\r\n")
    assert isinstance(error, NetworkError)
    assert 100_000 < sent < WHAT_SOCKETS_HOLD


@pytest.mark.fault(24)
@pytest.mark.parametrize("encoding", [b"identity", b"gzip"])
def test_a_body_without_end_is_given_up_at_the_limit(encoding: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: " + encoding + b"\r\n\r\n"
    error, sent = flooded(head, b"2710\r\n" + b"a" * 10_000 + b"\r\n")
    assert isinstance(error, PageDamaged)
    assert "larger than 100,000 bytes" in str(error)
    assert HTTP.max_page_bytes < sent < WHAT_SOCKETS_HOLD


BOMB = gzip.compress(b" " * 50_000_000)


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BOMB, "gzip"),
        (gzip.compress(b"{}") + BOMB, "gzip"),
        (zlib.compress(b" " * 50_000_000), "deflate"),
        (gzip.compress(BOMB), "gzip, gzip"),
    ],
    ids=["one member", "second member", "deflate", "twice"],
)
def test_fifty_megabytes_in_fifty_kilobytes_are_refused(body: bytes, encoding: str) -> None:
    assert len(body) < HTTP.max_page_bytes
    with pytest.raises(PageDamaged):
        ask(reply(body, headers=f"Content-Encoding: {encoding}\r\n"))


@pytest.mark.fault(25)
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "308 Permanent Redirect"])
@pytest.mark.parametrize("place", ["http://127.0.0.1:{port}/stolen?token=canary", "//127.0.0.1:{port}/stolen"])
def test_a_redirect_is_refused_by_name_and_nothing_is_sent_there(status: str, place: str) -> None:
    async def main() -> None:
        other = Server(page)
        async with other.running():
            location = f"Location: {place.format(port=other.port)}\r\n"
            server = Server(reply(b"", status=status, headers=location))
            async with server.running(), client(server) as transport:
                answer = await transport.get(REQUEST)
        endpoint = EventsEndpoint(settings(f"http://127.0.0.1:{server.port}/api"))
        with pytest.raises(ContractChanged, match=f"127.0.0.1:{other.port}; it was not followed") as caught:
            endpoint.check(answer)
        assert "canary" not in str(caught.value)
        assert "stolen" not in str(caught.value)
        assert caught.value.hint
        assert other.requests == []

    asyncio.run(main())


def heads(server: Server) -> list[bytes]:
    return [head.lower() for connection in server.requests for head in connection]


def test_cookies_are_not_kept() -> None:
    async def main() -> None:
        server = Server(*[reply(headers="Set-Cookie: session=canary; Path=/\r\n")] * 2)
        async with server.running(), client(server) as transport:
            await transport.get(REQUEST)
            await transport.get(REQUEST)
        assert len(heads(server)) == 2
        assert not [head for head in heads(server) if b"cookie" in head]

    asyncio.run(main())


@pytest.mark.parametrize("ours", [True, False])
def test_netrc_adds_no_credentials_whoever_the_key_is_for(
    ours: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\ndefault login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    async def main() -> bytes:
        server = Server(page)
        async with server.running():
            base_url = f"http://127.0.0.1:{server.port}"
            key = Secret(API_KEY, source="API_KEY")
            auth = ApiKeyAuth("X-API-Key", key, base_url=base_url if ours else "https://api.example.com")
            async with HttpxTransport(settings(base_url), auth) as transport:
                await transport.get(REQUEST)
        return heads(server)[0]

    head = asyncio.run(main())
    assert b"authorization" not in head
    assert (f"x-api-key: {API_KEY}".encode() in head) is ours


def test_a_proxy_of_the_environment_is_used_unless_no_proxy_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(no_proxy: str) -> tuple[int, int]:
        proxy, server = Server(page), Server(page)
        async with proxy.running(), server.running():
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", no_proxy)
            async with client(server) as transport:
                await transport.get(REQUEST)
        return len(heads(proxy)), len(heads(server))

    assert asyncio.run(main("")) == (1, 0)
    assert asyncio.run(main("127.0.0.1")) == (0, 1)


def test_a_proxy_on_the_way_to_an_https_api_sees_neither_key_nor_path(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> list[bytes]:
        proxy = Server(reply(b"", status="407 Proxy Authentication Required"))
        async with proxy.running():
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with client(Server(), scheme="https") as transport:
                with pytest.raises(SourceError, match="407"):
                    await transport.get(REQUEST)
        return heads(proxy)

    (head,) = asyncio.run(main())
    assert head.startswith(b"connect 127.0.0.1:")
    assert API_KEY.encode() not in head
    assert b"/api" not in head


@pytest.mark.parametrize("proxy", ["ftp://canary:canary@proxy", "http://u:canary@proxy:port", "socks9://canary@p"])
def test_a_proxy_that_cannot_be_used_is_reported_without_its_credentials(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    chosen = settings("https://api.example.com")
    with pytest.raises(ConfigError, match="can't be set up") as caught:
        HttpxTransport(chosen, ApiKeyAuth("X-API-Key", chosen.api_key, base_url=chosen.api_base_url))
    assert "canary" not in f"{caught.value}{caught.value.hint}"
    assert "HTTPS_PROXY" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("base_url", "warned"),
    [
        ("http://api.example.com/api", True),
        ("http://10.0.0.1", True),
        ("https://api.example.com/api", False),
        ("http://127.0.0.1:1/api", False),
        ("http://localhost:1/api", False),
        ("http://[::1]:1/api", False),
    ],
)
def test_a_key_that_would_travel_unencrypted_is_warned_of_once(base_url: str, warned: bool) -> None:
    chosen = settings(base_url)
    with structlog.testing.capture_logs() as logs:
        HttpxTransport(chosen, ApiKeyAuth("X-API-Key", chosen.api_key, base_url=base_url))
    assert [line["event"] for line in logs] == ["the key travels unencrypted"] * warned
    for line in logs:
        assert line["log_level"] == "warning"
        assert "https" in line["hint"]
        assert API_KEY not in str(line)
