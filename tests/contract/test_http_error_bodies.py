"""The body of an error never hides its status: not by its encoding, and not by its length."""

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import HttpSettings
from datasync.http.client import MAX_ERROR_BYTES
from datasync.http.transport import Answer
from tests.contract.bad_server import REQUEST, Handler, Server, client, page

SMALL = HttpSettings(max_page_bytes=1000)
STATUSES = st.sampled_from([201, 206, 302, 401, 404, 429, 500, 503])


def reply(status: int, body: bytes, *headers: str) -> Handler:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers))

    async def handler(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()

    return handler


def ask(handler: Handler, *, http: HttpSettings = SMALL) -> tuple[Answer, list[int]]:
    """The answer, and how many requests each connection had once a second one was well answered."""

    async def main() -> tuple[Answer, list[int]]:
        server = Server(handler, page)
        async with server.running(), client(server, http=http) as transport:
            answer = await transport.get(REQUEST)
            assert (await transport.get(REQUEST)).body == b"{}"
        return answer, [len(requests) for requests in server.requests]

    return asyncio.run(main())


@given(status=STATUSES, body=st.binary(max_size=50), encoding=st.sampled_from(["gzip", "br", "deflate", "gzip, gzip"]))
def test_an_error_whose_body_is_not_what_it_says_has_none(status: int, body: bytes, encoding: str) -> None:
    answer, requests = ask(reply(status, body, f"Content-Encoding: {encoding}"))
    assert answer.status == status
    assert answer.body in (b"", body)  # a few bytes may pass for what is deflated
    assert answer.wire_bytes == len(body)
    assert requests == [2]


def test_an_error_whose_body_is_what_it_says_has_it() -> None:
    answer, _ = ask(reply(503, gzip.compress(b"later"), "Content-Encoding: gzip"), http=HttpSettings())
    assert answer.body == b"later"


@pytest.mark.parametrize("body", [gzip.compress(b" " * 50_000_000)[:60_000], gzip.compress(b" " * 1_500_000)])
def test_a_bomb_in_an_error_is_not_opened(body: bytes) -> None:
    answer, _ = ask(reply(503, body, "Content-Encoding: gzip"), http=HttpSettings())
    assert (answer.status, answer.body) == (503, b"")


@given(status=STATUSES, beyond=st.integers(-1, 200_000), room=st.sampled_from([1000, 10 * MAX_ERROR_BYTES]))
def test_of_a_long_error_the_beginning_is_read_and_the_rest_is_left(status: int, beyond: int, room: int) -> None:
    most = min(room, MAX_ERROR_BYTES)
    answer, requests = ask(reply(status, b"x" * (most + beyond)), http=HttpSettings(max_page_bytes=room))
    assert answer.status == status
    assert answer.body == b"x" * min(most + beyond, most)
    assert requests == ([2] if beyond <= 0 else [1, 1])


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "X-GZIP", "identity, gzip", "gzip,"])
def test_gzip_is_known_by_all_its_names(encoding: str) -> None:
    answer, _ = ask(reply(200, gzip.compress(b"[1]"), f"Content-Encoding: {encoding}"))
    assert answer.body == b"[1]"
