"""The transport on connections that die or starve, against a real socket."""

import asyncio
import time

import pytest

from datasync.config.schema import HttpSettings
from datasync.errors import NetworkError
from datasync.http import pace
from tests.contract.bad_server import PAGE, REQUEST, Handler, Server, ask, client, close, page, reset, then

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.fault(6, 33)
@pytest.mark.parametrize(
    "fault",
    [
        reset,
        close,
        then(b"HTTP/1.1 200 OK\r\nContent-Le", reset),
        then(b"HTTP/1.1 200 OK\r\nContent-Le", close),
        then(HEAD, reset),
        then(HEAD + b'{"data": [', reset),
        then(HEAD + b'{"data": [', close),
        then(CHUNKED + b"a\r\n0123456789\r\n", close),
        then(CHUNKED + b"a\r\n01234", close),
        then(CHUNKED + b"not a size\r\n", close),
        then(b"SSH-2.0-OpenSSH_9.6\r\n", close),
    ],
)
def test_a_connection_that_breaks_is_a_network_error_wherever_it_breaks_and_costs_one_request(fault: Handler) -> None:
    async def main() -> Server:
        server = Server(fault, page)
        async with server.running(), client(server) as transport:
            with pytest.raises(NetworkError, match="GET /events"):
                await transport.get(REQUEST)
            # The broken connection is not used again.
            assert (await transport.get(REQUEST)).body == b"{}"
        return server

    assert [len(requests) for requests in asyncio.run(main()).requests] == [1, 1]


@pytest.mark.fault(35)
@pytest.mark.parametrize("death", [reset, close, then(b"HTTP/1.1 200", reset)])
def test_a_pooled_connection_that_is_dead_costs_no_retry_and_no_wait(death: Handler) -> None:
    started = time.monotonic()
    server = ask(page, death, page, times=2)
    assert [len(requests) for requests in server.requests] == [2, 1]
    assert time.monotonic() - started < 5, "far below the timeout"


@pytest.mark.fault(35)
def test_the_free_attempt_goes_on_a_new_connection_even_when_the_whole_pool_is_dead() -> None:
    async def main() -> Server:
        gate = asyncio.Event()

        async def together(writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await page(writer)

        server = Server(together, together, together, reset, page)
        async with server.running(), client(server) as transport:
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(transport.get(REQUEST))
                while sum(map(len, server.requests)) < 3:  # noqa: ASYNC110 - the server can't tell
                    await asyncio.sleep(0.01)
                gate.set()
            # Three connections rest in the pool; the next request finds its own dead.
            assert (await transport.get(REQUEST)).body == b"{}"
        return server

    assert [len(requests) for requests in asyncio.run(main()).requests] == [2, 1, 1, 1]


def test_the_connection_of_a_free_attempt_is_not_kept_for_the_next_one() -> None:
    server = ask(page, reset, page, page, reset, page, times=4)
    assert [len(requests) for requests in server.requests] == [2, 1, 2, 1]


@pytest.mark.fault(35)
def test_there_is_one_free_attempt_and_no_second() -> None:
    with pytest.raises(NetworkError):
        ask(page, reset, reset, page, times=2)


def test_an_answer_that_had_begun_is_not_asked_for_again_for_free() -> None:
    with pytest.raises(NetworkError):
        ask(page, then(HEAD, reset), page, times=2)


@pytest.mark.fault(34)
def test_an_answer_that_does_not_begin_ends_at_the_timeout() -> None:
    async def silence(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    for handler in (silence, then(HEAD, silence)):
        with pytest.raises(NetworkError, match=r"0\.3 s"):
            ask(handler, http=HttpSettings(timeout=0.3))


def drip(data: bytes, *, size: int, every: float) -> Handler:
    async def handler(writer: asyncio.StreamWriter) -> None:
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
            await asyncio.sleep(every)

    return handler


@pytest.mark.fault(34)
def test_headers_that_drip_end_at_the_timeout() -> None:
    with pytest.raises(NetworkError, match=r"within 0\.3 s"):
        ask(drip(PAGE, size=1, every=0.05), http=HttpSettings(timeout=0.3))


@pytest.mark.fault(34)
@pytest.mark.parametrize("encoding", [HEAD.replace(b"100", b"9000"), CHUNKED + b"2328\r\n"])
def test_a_body_that_drips_ends_after_a_window(encoding: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WINDOW", 0.3)
    started = time.monotonic()
    with pytest.raises(NetworkError, match="slower than 1,000 bytes/s"):
        ask(drip(encoding + b" " * 9000, size=50, every=0.1))
    assert time.monotonic() - started < 5


@pytest.mark.fault(34)
def test_a_body_that_stops_in_the_middle_ends_after_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(pace, "WINDOW", 0.3)
    with pytest.raises(NetworkError, match="slower than 1,000 bytes/s"):
        ask(then(HEAD.replace(b"100", b"900000") + b" " * 500_000, silence))


def test_a_large_body_on_a_steady_link_may_take_longer_than_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WINDOW", 0.5)
    body = b"{}".ljust(20_000)

    async def main() -> None:
        server = Server(drip(HEAD.replace(b"100", b"20000") + body, size=1000, every=0.05))
        async with server.running(), client(server, http=HttpSettings(timeout=0.5)) as transport:
            started = time.monotonic()
            assert (await transport.get(REQUEST)).body == body
            assert time.monotonic() - started > 0.9

    asyncio.run(main())


@pytest.mark.fault(34)
def test_no_request_takes_longer_than_the_total() -> None:
    with pytest.raises(NetworkError, match=r"no complete answer within 0\.4 s"):
        ask(
            drip(HEAD.replace(b"100", b"90000") + b" " * 90_000, size=1000, every=0.05),
            http=HttpSettings(total_timeout=0.4),
        )
