"""One table: what each status and each failure of the transport means for the request that met it.

class        met as                                            what is done
limit        429, or what an endpoint knows as a refusal       RateLimited: the limiter waits; no failure
retry        408, 425, 5xx; refused, reset, cut short, slow    ServerError, NetworkError: as long as the time allows
             HTML or nothing with 200                          NotAPage: twice at the same page
             the page before once more                         PageRepeated: six times, which outlasts most caches
             a page that can't be decoded                      PageDamaged: once at the same page
smaller      a page larger than the limit                      PageTooLarge: half as many records, where one can ask so
re-seek      what an endpoint knows as an expired cursor       CursorExpired: found again as the endpoint declares
credentials  401, 403                                          AuthError: stop; the transport has renewed what it can
stop         other 4xx, 3xx, 501, 505, 511, 526; TLS; a proxy  ContractChanged, TlsFailed, ProxyRefused
"""

import ssl
from enum import Enum, auto
from typing import Final

import httpx

from datasync.errors import (
    ContractChanged,
    NetworkError,
    NotAPage,
    PageDamaged,
    PageRepeated,
    ProxyRefused,
    RetriableSourceError,
    SourceError,
    TlsFailed,
)
from datasync.http.redact import describe


class Kind(Enum):
    """The class of a status."""

    LIMIT = auto()
    RETRY = auto()
    CREDENTIALS = auto()
    STOP = auto()


_STATUSES: Final = {
    401: Kind.CREDENTIALS,
    403: Kind.CREDENTIALS,
    408: Kind.RETRY,
    425: Kind.RETRY,
    429: Kind.LIMIT,
    501: Kind.STOP,
    505: Kind.STOP,
    511: Kind.STOP,  # RFC 6585 section 6: a captive portal says so itself
    526: Kind.STOP,  # Cloudflare: the certificate of the server behind it is invalid
}

_REPEATS: Final = ((NotAPage, 2), (PageRepeated, 6), (PageDamaged, 1))

PROXY_HINT: Final = "look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment"


_ADVICE: Final = {
    206: "a part of a page is no page: does a configured header ask for a `Range`, or does a cache on the way cut?",
    304: "the API takes the page for known: leave out `If-None-Match` and `If-Modified-Since` among the headers",
    511: "this network wants a login first: open any page in a browser",
    526: "the certificate of the server behind the API's front is invalid, which only its owner can mend",
}


def of_status(status: int) -> Kind:
    """The class of a status other than 200.

    An endpoint may know better, and then decides first: some APIs refuse by 403, or call an expired cursor 400. A 5xx
    that isn't named counts as 500 (RFC 9110 section 15), so asking again may help.
    """
    return _STATUSES.get(status, Kind.RETRY if 500 <= status <= 599 else Kind.STOP)


def advice(status: int) -> str:
    """What to do about a status of Kind.STOP that an endpoint knows nothing about."""
    if (known := _ADVICE.get(status)) is not None:
        return known
    if 200 <= status < 300:
        return "a page comes with status 200: is this the address of a list?"
    if 300 <= status < 400:
        return "it names no place to go to: look at the API's base URL and the path in a browser"
    if 400 <= status < 600:
        return "the API refuses the request: look at the base URL, the path and the parameters"
    return "that is no status of HTTP: does a proxy on the way refuse the request, or is this no API?"


def repeats(error: RetriableSourceError) -> int | None:
    """How often the same page may be asked for again after this; None is as long as the time allows."""
    return next((most for kind, most in _REPEATS if isinstance(error, kind)), None)


def of_httpx(error: httpx.TransportError | httpx.InvalidURL, *, where: str) -> SourceError:
    """The error to raise instead of one of httpx's.

    Gives NetworkError where asking again may help; TlsFailed, ProxyRefused or ContractChanged where it can't.
    """
    if isinstance(error, httpx.ProxyError):
        return _of_proxy(error, where)
    if isinstance(error, httpx.ConnectError) and (cause := _tls_failure(error)):
        return TlsFailed(f"{where}: no safe connection: {_reason(cause)}", hint=_tls_hint(cause))
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        # The text stays out: it may hold the URL, or a header with the key.
        return ContractChanged(f"{where}: the request can't be sent: {type(error).__name__}")
    return NetworkError(f"{where}: {describe(error)}")


def _of_proxy(error: httpx.ProxyError, where: str) -> SourceError:
    # httpcore's text is the proxy's status line.
    status = str(error)[:3]
    if status.isdecimal() and of_status(int(status)) in (Kind.RETRY, Kind.LIMIT):
        return NetworkError(f"{where}: the proxy answered {describe(error)}")
    return ProxyRefused(f"{where}: the proxy answered {describe(error)}", hint=PROXY_HINT)


def _tls_failure(error: BaseException) -> ssl.SSLError | None:
    # httpcore's pool raises `from None`, which leaves the handshake's own error in the context.
    link: BaseException | None = error
    while link is not None:
        # A connection that merely ended in the handshake is an outage like any other.
        if isinstance(link, ssl.SSLError) and not isinstance(
            link, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError
        ):
            return link
        link = link.__cause__ or link.__context__
    return None


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is refused: {error.verify_message}"
    return error.reason or str(error)


def _tls_hint(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "datasync trusts no other certificate instead; SSL_CERT_FILE names the CA to trust, if you run your own"
    return "does the server speak TLS on this port? look at the scheme and the port of the API's base URL"
