import ssl

import httpx
import pytest

from datasync.errors import (
    AuthError,
    ContractChanged,
    NetworkError,
    NotAPage,
    PageDamaged,
    ProxyRefused,
    RetriableSourceError,
    ServerError,
    SourceError,
    TlsFailed,
)
from datasync.http.classify import Kind, of_httpx, of_status, repeats

SECRET = "canary-5f1d7c-key"

STATUSES = {
    Kind.LIMIT: [429],
    Kind.RETRY: [408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 599],
    Kind.CREDENTIALS: [401, 403],
    Kind.STOP: [
        201,
        204,
        206,
        301,
        302,
        304,
        307,
        308,
        400,
        402,
        404,
        405,
        407,
        410,
        414,
        422,
        501,
        505,
        511,
        526,
        999,
    ],
}


@pytest.mark.parametrize(("status", "kind"), [(status, kind) for kind, codes in STATUSES.items() for status in codes])
def test_each_status_has_one_class(status: int, kind: Kind) -> None:
    assert of_status(status) is kind


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (ServerError("503"), None),
        (NetworkError("reset"), None),
        (PageDamaged("syntax"), 1),
        (NotAPage("HTML"), 2),
    ],
)
def test_a_damaged_page_is_asked_for_once_more_html_twice_and_the_rest_as_long_as_time_allows(
    error: RetriableSourceError, most: int | None
) -> None:
    assert repeats(error) == most


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (httpx.ConnectError("refused"), NetworkError),
        (httpx.ConnectTimeout(""), NetworkError),
        (httpx.PoolTimeout(""), NetworkError),
        (httpx.ReadError("reset"), NetworkError),
        (httpx.ReadTimeout(""), NetworkError),
        (httpx.WriteError("reset"), NetworkError),
        (httpx.WriteTimeout(""), NetworkError),
        (httpx.CloseError(""), NetworkError),
        (httpx.RemoteProtocolError("incomplete chunked read"), NetworkError),
        (httpx.ProxyError("502 Bad Gateway"), NetworkError),
        (httpx.ProxyError("503 Service Unavailable"), NetworkError),
        (httpx.ProxyError("407 Proxy Authentication Required"), ProxyRefused),
        (httpx.ProxyError("403 Forbidden"), ProxyRefused),
        (httpx.ProxyError("the proxy speaks in tongues"), ProxyRefused),
        (httpx.LocalProtocolError(f"Illegal header value {SECRET!r}"), ContractChanged),
        (httpx.UnsupportedProtocol(f"gopher://{SECRET}"), ContractChanged),
        (httpx.InvalidURL(f"no port: {SECRET}"), ContractChanged),
    ],
)
def test_each_failure_of_the_transport_has_one_class_and_shows_no_request(
    error: httpx.TransportError | httpx.InvalidURL, meaning: type[SourceError]
) -> None:
    found = of_httpx(error, where="GET /events")
    assert type(found) is meaning
    assert "GET /events" in str(found)
    assert SECRET not in f"{found}{found.hint}"
    assert isinstance(found, RetriableSourceError) or found.hint or meaning is ContractChanged


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"  # the ssl module sets it
    return error


def no_tls() -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]")
    error.reason = "WRONG_VERSION_NUMBER"  # as for the other one
    return error


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (untrusted(), TlsFailed),
        (no_tls(), TlsFailed),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), NetworkError),
        (ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed"), NetworkError),
        (ConnectionResetError(104, "Connection reset by peer"), NetworkError),
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_a_failed_handshake_is_told_from_a_lost_connection_however_the_libraries_chain_it(
    cause: OSError, meaning: type[SourceError], cut: bool
) -> None:
    inner = OSError("in between")
    error = httpx.ConnectError("failed")
    error.__cause__ = inner
    if cut:
        inner.__context__ = cause  # as httpcore's pool leaves it
    else:
        inner.__cause__ = cause
    found = of_httpx(error, where="GET /events")
    assert type(found) is meaning


def test_a_tls_record_damaged_after_the_handshake_is_a_network_error() -> None:
    error = httpx.ReadError("bad record")
    error.__cause__ = ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]")
    assert type(of_httpx(error, where="GET /events")) is NetworkError


@pytest.mark.parametrize("error", [AuthError, ContractChanged, ProxyRefused, TlsFailed])
def test_what_stops_is_not_retriable(error: type[SourceError]) -> None:
    assert not issubclass(error, RetriableSourceError)
