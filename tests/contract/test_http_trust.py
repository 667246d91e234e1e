"""Whom the transport refuses to talk to: real TLS with certificates of the test's own, proxies, other hosts."""

import asyncio
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from datasync.config.schema import HttpSettings
from datasync.errors import (
    ContractChanged,
    NetworkError,
    ProxyRefused,
    RetriableSourceError,
    SourceError,
    TlsFailed,
)
from datasync.http.budget import RetryBudget
from datasync.http.client import HttpxTransport
from datasync.http.retry import check_status, retrying
from tests.contract.bad_server import PAGE, REQUEST, Handler, Server, ask, client, page, reset
from tests.support import API_KEY


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A CA that datasync trusts for the time of the test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the machine's own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_a_certificate_of_a_trusted_authority_is_accepted(authority: trustme.CA) -> None:
    ask(page, scheme="https", tls=serving(authority.issue_cert("127.0.0.1")))


@pytest.mark.fault(35)
def test_a_dead_pooled_connection_is_replaced_under_tls_too(authority: trustme.CA) -> None:
    server = ask(page, reset, page, times=2, scheme="https", tls=serving(authority.issue_cert("127.0.0.1")))
    assert [len(requests) for requests in server.requests] == [2, 1]


def bad(fault: str, authority: trustme.CA, folder: Path) -> ssl.SSLContext:
    """What a server with this fault presents."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    if fault == "expired":
        before = yesterday - timedelta(days=9)
        return serving(authority.issue_cert("127.0.0.1", not_before=before, not_after=yesterday))
    if fault == "mismatch":
        return serving(authority.issue_cert("api.example.com"))
    if fault == "issuer":
        return serving(trustme.CA().issue_cert("127.0.0.1"))
    alone = trustme.CA()
    alone.cert_pem.write_to_path(str(folder / "self.pem"))
    alone.private_key_pem.write_to_path(str(folder / "self.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "self.pem", folder / "self.key")
    return context


def refused(server: Server, *, scheme: str = "https", tls: ssl.SSLContext | None = None) -> SourceError:
    """Ask with all the patience there is; give the error that ended it, and see that it came without a retry."""

    async def main() -> SourceError:
        async with server.running(tls), client(server, scheme=scheme) as transport:
            return await failure(transport)

    return asyncio.run(main())


async def failure(transport: HttpxTransport) -> SourceError:
    async def attempt() -> None:
        check_status(await transport.get(REQUEST), where="GET /events", key_source="API_KEY")

    async def never(_seconds: float) -> None:
        raise AssertionError("waited to ask again")

    failures: list[RetriableSourceError] = []
    budget = RetryBudget(time.monotonic)
    with pytest.raises(SourceError) as caught:
        await retrying(attempt, limits=HttpSettings(), budget=budget, wait=never, failed=failures.append)
    assert not failures
    assert API_KEY not in f"{caught.value}{caught.value.hint}"
    return caught.value


@pytest.mark.fault(36)
@pytest.mark.parametrize("fault", ["self-signed", "issuer", "expired", "mismatch"])
def test_a_certificate_that_is_not_to_be_trusted_ends_the_run_at_once_and_no_key_is_sent(
    fault: str, authority: trustme.CA, tmp_path: Path
) -> None:
    server = Server(page)
    error = refused(server, tls=bad(fault, authority, tmp_path))
    assert type(error) is TlsFailed
    assert fault in str(error)
    assert error.hint
    assert "SSL_CERT_FILE" in error.hint
    assert not any(server.requests)


class Blunt(Server):
    """Sends `answer` to whatever comes first, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(self._answer)
        await writer.drain()
        writer.close()


@pytest.mark.fault(36)
def test_a_server_that_speaks_no_tls_ends_the_run_at_once() -> None:
    error = refused(Blunt(PAGE))
    assert type(error) is TlsFailed
    assert "base URL" in str(error.hint)


def test_a_connection_that_ends_in_the_handshake_is_an_outage_like_any_other() -> None:
    async def main() -> None:
        server = Blunt(b"")
        async with server.running(), client(server, scheme="https") as transport:
            await transport.get(REQUEST)

    with pytest.raises(NetworkError):
        asyncio.run(main())


def replying(head: str) -> Handler:
    async def handler(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode())

    return handler


@pytest.mark.fault(37)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_credentials_ends_the_run_at_once(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server(replying("407 Proxy Authentication Required"))

    async def main() -> SourceError:
        async with proxy.running():
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with client(Server(), scheme=scheme) as transport:
                return await failure(transport)

    error = asyncio.run(main())
    assert type(error) is ProxyRefused
    assert "407" in str(error)
    assert "HTTP_PROXY" in str(error.hint)
    assert [len(requests) for requests in proxy.requests] == [1]


def test_a_proxy_that_cannot_reach_the_api_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        proxy = Server(replying("502 Bad Gateway"))
        async with proxy.running():
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with client(Server(), scheme="https") as transport:
                await transport.get(REQUEST)

    with pytest.raises(NetworkError, match="502"):
        asyncio.run(main())


@pytest.mark.fault(25)
def test_a_redirect_to_another_host_takes_neither_the_request_nor_the_key_along() -> None:
    async def main() -> Server:
        other = Server(page)
        async with other.running():
            place = f"http://localhost:{other.port}/api/events"
            server = Server(replying(f"307 Temporary Redirect\r\nLocation: {place}"))
            async with server.running(), client(server) as transport:
                assert type(await failure(transport)) is ContractChanged
        return other

    assert asyncio.run(main()).requests == []
