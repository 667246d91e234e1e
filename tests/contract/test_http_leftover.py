"""Bytes behind an answer are neither ignored, because its end is cut off then, nor taken for the next one."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from datasync.errors import PageDamaged
from datasync.http.transport import Answer
from tests.contract.bad_server import PAGE, REQUEST, Handler, Server, client, page

BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


def sending(*parts: bytes) -> Handler:
    async def handler(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return handler


def twice(first: Handler, *, tls: ssl.SSLContext | None = None) -> tuple[Answer | PageDamaged, list[int]]:
    """What the first answer led to, and how many requests each connection had once a second one was well answered."""

    async def main() -> tuple[Answer | PageDamaged, list[int]]:
        server = Server(first, page)
        found: Answer | PageDamaged
        async with server.running(tls), client(server, scheme="https" if tls else "http") as transport:
            try:
                found = await transport.get(REQUEST)
            except PageDamaged as error:
                found = error
            second = await transport.get(REQUEST)
            assert (second.status, second.body) == (200, b"{}")
        return found, [len(requests) for requests in server.requests]

    return asyncio.run(main())


@pytest.mark.fault(7, 30)
@given(whole=st.sampled_from([PAGE, CHUNKED]), rest=st.sampled_from([PAGE, BAD, b"x", b"\x00"]) | st.binary(min_size=1))
def test_whatever_follows_a_page_it_is_damaged_and_the_next_answer_is_that_to_the_next_request(
    whole: bytes, rest: bytes
) -> None:
    found, requests = twice(sending(whole + rest))
    if rest.strip(b"\r\n"):
        assert isinstance(found, PageDamaged)
        assert "GET /events" in str(found)
        assert found.hint
    else:
        assert isinstance(found, Answer)
    assert requests == [1, 1]


@pytest.mark.fault(7)
def test_an_error_keeps_its_status_whatever_follows_it() -> None:
    found, requests = twice(sending(BAD + PAGE))
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (503, b"no")
    assert requests == [1, 1]


@pytest.mark.parametrize("whole", [PAGE, CHUNKED])
def test_a_connection_with_nothing_behind_the_page_is_used_again(whole: bytes) -> None:
    found, requests = twice(sending(whole))
    assert isinstance(found, Answer)
    assert requests == [2]


@pytest.mark.parametrize("parts", [(PAGE + PAGE,), (PAGE, PAGE)], ids=["one record", "two records"])
def test_it_is_noticed_behind_encryption_too(
    parts: tuple[bytes, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    found, requests = twice(sending(*parts), tls=tls)
    assert isinstance(found, PageDamaged)
    assert requests == [1, 1]
    found, requests = twice(page, tls=tls)
    assert isinstance(found, Answer)
    assert requests == [2]
