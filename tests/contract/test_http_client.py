"""The httpx transport against a real socket that answers as badly as servers do."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest

from datasync.config import Secret, Settings
from datasync.config.schema import HttpSettings
from datasync.errors import NetworkError, PageDamaged, PageTooLarge
from datasync.http import pace
from datasync.http.auth import ApiKeyAuth
from datasync.http.client import HttpxTransport
from datasync.http.transport import Answer
from datasync.model import Request
from tests.contract import bad_server
from tests.support import API_KEY

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

LIMIT = 100_000


def ask(handler: Handler, *, timeout: float = 5.0) -> Answer:
    """Send one request to a server that hands what it got to `handler`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(await reader.readuntil(b"\r\n\r\n"), writer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def main() -> Answer:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            key = Secret(API_KEY, source="API_KEY")
            base_url = f"http://127.0.0.1:{port}/api"
            http = HttpSettings(timeout=timeout, max_page_bytes=LIMIT)
            settings = Settings(Secret("postgresql://unused", source="test"), base_url, key, http=http)
            async with HttpxTransport(settings, ApiKeyAuth("X-API-Key", key, base_url=base_url)) as transport:
                return await transport.get(Request("/events", {"limit": 5, "cursor": "a b/+="}))

    return asyncio.run(main())


def reply(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> Handler:
    async def handler(_request: bytes, writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body)

    return handler


def test_a_request_carries_the_key_the_parameters_and_an_honest_name() -> None:
    requests: list[bytes] = []

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(request)
        await reply(b"{}")(request, writer)

    answer = ask(handler)
    assert (answer.status, answer.body, answer.wire_bytes) == (200, b"{}", 2)
    head = requests[0].decode().lower()
    assert head.startswith("get /api/events?limit=5&cursor=a+b%2f%2b%3d http/1.1")
    assert f"x-api-key: {API_KEY}" in head
    assert "user-agent: datasync/" in head


def test_header_names_are_lower_case() -> None:
    assert ask(reply(b"{}", headers="X-RateLimit-Remaining: 3\r\n")).headers["x-ratelimit-remaining"] == "3"


@pytest.mark.fault(25)
def test_a_redirect_is_not_followed() -> None:
    answer = ask(reply(b"", status="302 Found", headers="Location: http://127.0.0.1:1/elsewhere\r\n"))
    assert answer.status == 302


@pytest.mark.fault(7)
def test_a_body_shorter_than_promised_is_a_network_error() -> None:
    with pytest.raises(NetworkError, match="GET /events"):
        ask(reply(b'{"data":', length=1000))


def test_a_connection_closed_without_an_answer_is_a_network_error() -> None:
    async def handler(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    with pytest.raises(NetworkError):
        ask(handler)


def test_a_body_that_drips_is_given_up_after_a_window_without_the_least_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):  # a byte at a time: a timeout per read would never end it
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    monkeypatch.setattr(pace, "WINDOW", 0.3)
    with pytest.raises(NetworkError, match="slower than 1,000 bytes/s"):
        ask(handler)


@pytest.mark.fault(24)
def test_a_body_over_the_limit_is_refused_while_it_is_read() -> None:
    with pytest.raises(PageDamaged, match="larger than"):
        ask(reply(b" " * (LIMIT + 1)))


@pytest.mark.fault(9)
def test_gzip_is_decoded_with_all_its_members() -> None:
    body = gzip.compress(b'{"a":') + gzip.compress(b"1}")
    answer = ask(reply(body, headers="Content-Encoding: gzip\r\n"))
    assert (answer.body, answer.wire_bytes) == (b'{"a":1}', len(body))


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b" " * (LIMIT + 1)), "gzip"),  # a small bomb
        (gzip.compress(b"{}" * 1000)[:-5], "gzip"),
        (b"not gzip at all", "gzip"),
        (b"{}", "zstd"),
    ],
    ids=["bomb", "cut", "no-gzip", "unknown"],  # gzip writes down when it was made
)
def test_a_body_that_cannot_be_decoded_within_the_limit_is_damaged(body: bytes, encoding: str) -> None:
    with pytest.raises(PageDamaged):
        ask(reply(body, headers=f"Content-Encoding: {encoding}\r\n"))


def test_no_error_holds_the_key_or_the_cursor() -> None:
    with pytest.raises(NetworkError) as caught:
        ask(reply(b"", length=10))
    assert API_KEY not in str(caught.value)
    assert "cursor" not in str(caught.value)


def test_the_key_goes_to_the_configured_origin_only() -> None:
    import httpx

    auth = ApiKeyAuth("X-API-Key", Secret(API_KEY, source="API_KEY"), base_url="https://api.example.com/v1")
    for url, expected in {
        "https://api.example.com/v1/events": API_KEY,
        "https://api.example.com/other": API_KEY,
        "http://api.example.com/v1/events": None,
        "https://api.example.com:444/v1/events": None,
        "https://example.com/v1/events": None,
    }.items():
        request = next(auth.auth_flow(httpx.Request("GET", url)))
        assert request.headers.get("x-api-key") == expected, url


class Narrow:
    """Room for `limit` bytes, which comes late."""

    def __init__(self, limit: int, wait: float = 0.0) -> None:
        self.limit = limit
        self.covered = 0
        self._wait = wait

    async def cover(self, page: int) -> None:
        assert page <= self.limit
        self.covered = max(self.covered, page)
        await asyncio.sleep(self._wait)
        self._wait = 0.0


def ask_into(room: Narrow, body: bytes, headers: str = "", http: HttpSettings | None = None) -> Answer:
    async def main() -> Answer:
        server = bad_server.Server(lambda writer: reply(body, headers=headers)(b"", writer))
        async with server.running(), bad_server.client(server, http=http or HttpSettings()) as transport:
            return await transport.get(bad_server.REQUEST, room)

    return asyncio.run(main())


def test_a_wait_for_room_is_not_taken_for_a_slow_answer() -> None:
    body = b"x" * 300_000
    late = ask_into(Narrow(300_000, wait=1.5), body, http=HttpSettings(timeout=1.0, total_timeout=1.0))
    assert late.body == body


@pytest.mark.parametrize("said", ["right", "too little", "too much"])
def test_a_packed_answer_takes_as_much_room_as_it_unpacks_to(said: str) -> None:
    body = gzip.compress(b"x" * 100_000)
    room = Narrow(1_000_000)
    if said == "right":
        assert ask_into(room, body, "Content-Encoding: gzip\r\n").body == b"x" * 100_000
        assert room.covered == 100_000
    elif said == "too little":
        assert ask_into(room, body + gzip.compress(b"y"), "Content-Encoding: gzip\r\n").body[-2:] == b"xy"
        assert room.covered == room.limit
    else:
        with pytest.raises(PageTooLarge, match="99,999 bytes"):
            ask_into(Narrow(99_999), body, "Content-Encoding: gzip\r\n")
