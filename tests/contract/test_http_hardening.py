"""What a hostile or odd server, network or environment can't get out of the transport, over real sockets."""

import asyncio
import gzip
import zlib
from pathlib import Path

import pytest
import structlog

from datasync.config import Secret
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.errors import ConfigError, ContractChanged, NetworkError, PageDamaged, SourceError
from datasync.http.auth import ApiKeyAuth
from datasync.http.transport import Answer
from datasync.model import Request
from tests.raw_server import Handler, RawServer, reply, settings, transport
from tests.support import API_KEY

LIMIT = 100_000
REQUEST = Request("/events", {"limit": 5})


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def ask(handler: Handler) -> tuple[Answer, RawServer]:
    async def main() -> tuple[Answer, RawServer]:
        async with (
            RawServer(handler).serving() as server,
            transport(f"http://127.0.0.1:{server.port}/api", max_page_bytes=LIMIT) as client,
        ):
            return await client.get(REQUEST), server

    return asyncio.run(main())


def test_headers_of_ninety_kilobytes_are_harmless() -> None:
    answer, _ = ask(reply(headers=f"X-Odd: {'a' * 90_000}\r\n"))
    assert answer.status == 200
    assert answer.headers["x-odd"] == "a" * 90_000


def test_headers_of_two_hundred_kilobytes_are_a_network_error() -> None:
    with pytest.raises(NetworkError, match="GET /events"):
        ask(reply(headers=f"X-Odd: {'a' * 200_000}\r\n"))


def test_headers_without_end_are_given_up_after_a_bounded_amount() -> None:
    sent = 0

    async def main() -> None:
        async def endless(_head: bytes, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                writer.write(b"X-Odd: " + b"a" * 10_000 + b"\r\n")
                sent += 10_000
                await writer.drain()

        async with (
            RawServer(endless).serving() as server,
            transport(f"http://127.0.0.1:{server.port}") as client,
        ):
            with pytest.raises(NetworkError):
                await client.get(REQUEST)
            await asyncio.wait_for(server.ended.wait(), 10)  # it noticed that the client is gone

    asyncio.run(main())
    assert 100_000 < sent < 20_000_000  # what sockets hold included


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_without_end_is_given_up_at_the_limit(encoding: str) -> None:
    sent = 0

    async def main() -> None:
        async def endless(_head: bytes, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: {encoding}\r\n\r\n"
            writer.write(head.encode())
            while True:
                writer.write(b"2710\r\n" + b"a" * 10_000 + b"\r\n")
                sent += 10_000
                await writer.drain()

        async with (
            RawServer(endless).serving() as server,
            transport(f"http://127.0.0.1:{server.port}", max_page_bytes=LIMIT) as client,
        ):
            with pytest.raises(PageDamaged, match="larger than 100,000 bytes"):
                await client.get(REQUEST)
            await asyncio.wait_for(server.ended.wait(), 10)

    asyncio.run(main())
    assert LIMIT < sent < 20_000_000


BOMB = gzip.compress(b" " * 50_000_000)


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
    assert len(body) < LIMIT
    with pytest.raises(PageDamaged):
        ask(reply(body, headers=f"Content-Encoding: {encoding}\r\n"))


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"])
@pytest.mark.parametrize("path", ["http://127.0.0.1:{port}/stolen?token=canary", "//127.0.0.1:{port}/stolen"])
def test_a_redirect_is_refused_by_name_and_nothing_is_sent_there(status: str, path: str) -> None:
    async def main() -> None:
        async with RawServer(reply()).serving() as other:
            location = path.format(port=other.port)
            handler = reply(b"", status=status, headers=f"Location: {location}\r\n")
            async with RawServer(handler).serving() as server:
                base_url = f"http://127.0.0.1:{server.port}"
                endpoint = EventsEndpoint(settings(base_url))
                async with transport(base_url) as client:
                    answer = await client.get(REQUEST)
                with pytest.raises(ContractChanged, match=f"127.0.0.1:{other.port}; it was not followed") as caught:
                    endpoint.check(answer)
                assert "canary" not in str(caught.value)
                assert "stolen" not in str(caught.value)
                assert caught.value.hint
            assert other.connections == 0

    asyncio.run(main())


def test_cookies_are_not_kept() -> None:
    async def main() -> None:
        handler = reply(headers="Set-Cookie: session=canary; Path=/\r\nConnection: close\r\n")
        async with (
            RawServer(handler).serving() as server,
            transport(f"http://127.0.0.1:{server.port}") as client,
        ):
            await client.get(REQUEST)
            await client.get(REQUEST)
        assert len(server.heads) == 2
        assert not [head for head in server.heads if b"cookie" in head.lower()]

    asyncio.run(main())


def test_netrc_adds_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\ndefault login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    _, server = ask(reply())
    head = server.heads[0].lower()
    assert b"authorization" not in head
    assert f"x-api-key: {API_KEY}".encode() in head


def test_netrc_adds_none_to_a_request_that_may_not_have_the_key_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    async def main() -> bytes:
        async with RawServer(reply()).serving() as server:
            auth = ApiKeyAuth("X-API-Key", Secret(API_KEY, source="API_KEY"), base_url="https://api.example.com")
            async with transport(f"http://127.0.0.1:{server.port}", auth=auth) as client:
                await client.get(REQUEST)
            return server.heads[0].lower()

    head = asyncio.run(main())
    assert b"authorization" not in head
    assert b"x-api-key" not in head


def test_a_proxy_of_the_environment_is_used_unless_no_proxy_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(no_proxy: str) -> tuple[int, int]:
        async with RawServer(reply()).serving() as proxy, RawServer(reply()).serving() as server:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", no_proxy)
            async with transport(f"http://127.0.0.1:{server.port}") as client:
                await client.get(REQUEST)
            return proxy.connections, server.connections

    assert asyncio.run(main("")) == (1, 0)
    assert asyncio.run(main("127.0.0.1")) == (0, 1)


def test_a_proxy_on_the_way_to_an_https_api_sees_neither_key_nor_path(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> RawServer:
        async with RawServer(reply(b"", status="407 Proxy Authentication Required")).serving() as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with transport("https://api.example.com/secret-path") as client:
                with pytest.raises(SourceError, match="407") as caught:
                    await client.get(REQUEST)
                assert API_KEY not in str(caught.value)
            return proxy

    proxy = asyncio.run(main())
    assert len(proxy.heads) == 1
    assert proxy.heads[0].startswith(b"CONNECT api.example.com:443 ")
    assert API_KEY.encode() not in proxy.heads[0]
    assert b"secret-path" not in proxy.heads[0]


@pytest.mark.parametrize("proxy", ["ftp://canary:canary@proxy", "http://u:canary@proxy:port", "socks9://canary@p"])
def test_a_proxy_that_cannot_be_used_is_reported_without_its_credentials(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigError, match="can't be set up") as caught:
        transport("https://api.example.com")
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
    with structlog.testing.capture_logs() as logs:
        transport(base_url)
    assert [line["event"] for line in logs] == ["the key travels unencrypted"] * warned
    for line in logs:
        assert line["log_level"] == "warning"
        assert "https" in line["hint"]
        assert API_KEY not in str(line)
