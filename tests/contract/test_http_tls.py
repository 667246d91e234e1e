"""A server that can't prove who it is gets nothing, and nothing weaker is tried."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from datasync.errors import SourceError
from datasync.model import Request
from tests.raw_server import RawServer, reply, transport
from tests.support import API_KEY

HOST = "127.0.0.1"
REQUEST = Request("/events", {})
PAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
FUTURE = datetime(2090, 1, 1, tzinfo=UTC), datetime(2090, 1, 2, tzinfo=UTC)

Serve = Callable[[ssl.SSLContext], None]


@pytest.fixture(autouse=True)
def ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The one authority that the environment trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return authority


def context(certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate is not None:
        certificate.configure_cert(made)
    return made


def self_signed() -> ssl.SSLContext:
    authority, made = trustme.CA(), context()
    with authority.private_key_pem.tempfile() as key, authority.cert_pem.tempfile() as certificate:
        made.load_cert_chain(certificate, key)
    return made


def refused(tls: ssl.SSLContext) -> None:
    async def main() -> None:
        async with (
            RawServer(reply()).serving(tls) as server,
            transport(f"https://{HOST}:{server.port}") as client,
        ):
            with pytest.raises(SourceError, match="GET /events") as caught:
                await client.get(REQUEST)
            assert API_KEY not in str(caught.value)
            await asyncio.sleep(0)
            assert server.heads == []
            assert server.connections == 1

    asyncio.run(main())


def test_a_server_with_a_certificate_of_a_trusted_authority_is_asked(ca: trustme.CA) -> None:
    async def main() -> None:
        async with (
            RawServer(reply()).serving(context(ca.issue_cert(HOST))) as server,
            transport(f"https://{HOST}:{server.port}") as client,
        ):
            assert (await client.get(REQUEST)).status == 200
            assert f"x-api-key: {API_KEY}".encode() in server.heads[0].lower()

    asyncio.run(main())


def test_a_certificate_of_an_unknown_authority_is_refused() -> None:
    refused(context(trustme.CA().issue_cert(HOST)))


def test_a_self_signed_certificate_is_refused() -> None:
    refused(self_signed())


@pytest.mark.parametrize("name", ["127.0.0.2", "api.example.com", "*.0.0.1"])
def test_a_certificate_for_another_host_is_refused(ca: trustme.CA, name: str) -> None:
    refused(context(ca.issue_cert(name)))


@pytest.mark.parametrize("validity", [PAST, FUTURE])
def test_a_certificate_out_of_its_time_is_refused(ca: trustme.CA, validity: tuple[datetime, datetime]) -> None:
    begins, ends = validity
    refused(context(ca.issue_cert(HOST, not_before=begins, not_after=ends)))


def old(made: ssl.SSLContext) -> ssl.SSLContext:
    """Speak TLS 1.1 and nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    return made


def test_tls_older_than_1_2_is_refused(ca: trustme.CA) -> None:
    server = old(context(ca.issue_cert(HOST)))
    client = old(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    ca.configure_trust(client)
    if not shake_hands(client, server):
        pytest.skip("this OpenSSL speaks no TLS 1.1 at all")
    refused(server)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> bool:
    async def main() -> bool:
        async with RawServer(reply()).serving(server) as running:
            try:
                _, writer = await asyncio.open_connection(HOST, running.port, ssl=client)
            except (ssl.SSLError, ConnectionError):
                return False
            writer.close()
            return True

    return asyncio.run(main())


def test_a_server_that_speaks_no_tls_gets_no_request() -> None:
    # The other way round is the one that leaks: an https API is never asked in plain text.
    async def main() -> None:
        got = bytearray()

        def plain(listener: socket.socket) -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                got.extend(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        with socket.create_server((HOST, 0)) as listener:
            serving = asyncio.create_task(asyncio.to_thread(plain, listener))
            async with transport(f"https://{HOST}:{listener.getsockname()[1]}") as client:
                with pytest.raises(SourceError):
                    await client.get(REQUEST)
            await serving
        assert got[:1] == b"\x16"  # a TLS handshake record
        assert API_KEY.encode() not in got

    asyncio.run(main())
