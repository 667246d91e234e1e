"""Nothing weaker is tried than TLS 1.2 with a certificate that is good now. See test_http_trust.py for its faults."""

import asyncio
import socket
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from datasync.errors import SourceError
from datasync.model import Request
from tests.contract.bad_server import Server, client, page
from tests.support import API_KEY

HOST = "127.0.0.1"
REQUEST = Request("/events", {})


@pytest.fixture(autouse=True)
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A CA that datasync trusts for the time of the test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return authority


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def refused(tls: ssl.SSLContext) -> None:
    async def main() -> None:
        server = Server(page)
        async with server.running(tls), client(server, scheme="https") as transport:
            with pytest.raises(SourceError, match="GET /events"):
                await transport.get(REQUEST)
        assert not any(server.requests)

    asyncio.run(main())


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Speak TLS 1.1 and nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def shake_hands(mine: ssl.SSLContext, theirs: ssl.SSLContext) -> bool:
    async def main() -> bool:
        server = Server()
        async with server.running(theirs):
            try:
                _, writer = await asyncio.open_connection(HOST, server.port, ssl=mine)
            except (ssl.SSLError, ConnectionError):
                return False
            writer.close()
            return True

    return asyncio.run(main())


@pytest.mark.fault(36)
def test_tls_older_than_1_2_is_refused(authority: trustme.CA) -> None:
    server = old(serving(authority.issue_cert(HOST)))
    willing = old(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    authority.configure_trust(willing)
    if not shake_hands(willing, server):
        pytest.skip("this OpenSSL speaks no TLS 1.1 at all")
    refused(server)


@pytest.mark.fault(36)
def test_a_certificate_that_is_not_good_yet_is_refused(authority: trustme.CA) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    ends = tomorrow + timedelta(days=1)
    refused(serving(authority.issue_cert(HOST, not_before=tomorrow, not_after=ends)))


@pytest.mark.fault(36)
@pytest.mark.parametrize("name", ["127.0.0.2", "*.0.0.1"])
def test_a_certificate_for_almost_this_host_is_refused(authority: trustme.CA, name: str) -> None:
    refused(serving(authority.issue_cert(name)))


@pytest.mark.fault(36)
def test_an_https_api_is_never_asked_in_plain_text() -> None:
    async def main() -> None:
        got = bytearray()
        connections = 0

        def plain(listener: socket.socket) -> None:
            nonlocal connections
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections += 1
                with connection:
                    got.extend(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        with socket.create_server((HOST, 0)) as listener:
            serving = asyncio.create_task(asyncio.to_thread(plain, listener))
            server = Server()
            server.port = listener.getsockname()[1]
            async with client(server, scheme="https") as transport:
                with pytest.raises(SourceError):
                    await transport.get(REQUEST)
            listener.shutdown(socket.SHUT_RDWR)
            await serving
        assert got[:1] == b"\x16"  # a TLS handshake record
        assert connections == 1
        assert API_KEY.encode() not in got
        assert b"GET" not in got

    asyncio.run(main())
