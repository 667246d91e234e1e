"""The transport on httpx."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx
import structlog

from datasync import _native, envvars
from datasync.config import Settings
from datasync.errors import ConfigError, ContractChanged, NetworkError, PageDamaged, PageTooLarge
from datasync.failpoints import failpoint
from datasync.http.classify import of_httpx
from datasync.http.leftover import drop_leftover
from datasync.http.origin import Origin
from datasync.http.pace import Pace
from datasync.http.redact import describe, quieten
from datasync.http.token import TokenAuth
from datasync.http.transport import Answer, Room
from datasync.model import Request

MAX_ERROR_BYTES: Final = 64 * 1024
"""Of the body of an answer other than 200, as it comes. What is beyond it nobody needs."""

MAX_ERROR_INFLATED: Final = 1024 * 1024


class _HalfOpen(Exception):
    """A connection from the pool was dead: nothing came back on it."""


class HttpxTransport:
    """One httpx client for one API, and a second one that never reuses a connection.

    A pooled connection may have been closed by the other side without a word. Such a request is sent once more, at
    once and on a new connection: the server hasn't seen it, or has not begun to answer, and asking changes nothing
    there.

    Redirects are not followed: httpx would carry `X-API-Key` along to another host. Certificates are verified, and TLS
    is 1.2 or newer. Of the environment proxies and CA files are honoured (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY,
    SSL_CERT_FILE, SSL_CERT_DIR), and not `.netrc`: it would add credentials that nobody configured here. Cookies are
    not kept: what an API sets must not travel in later requests. The body is read raw and decompressed by the native
    core, which holds a limit while it decodes; httpx has none.
    """

    def __init__(self, settings: Settings, auth: httpx.Auth, *, sending: Callable[[], None] | None = None) -> None:
        """Call `sending`, if given, before each request goes out, repeated ones and those for tokens too.

        What it raises ends the request, which is then not sent.
        """
        self._sending = sending
        self._base_url = settings.api_base_url
        self._limits = settings.http
        quieten()
        if Origin.of(self._base_url).exposed:
            structlog.get_logger().warning(
                "the key travels unencrypted",
                source=settings.api_key.source,
                hint="with http:// everybody on the way can read it: use an https:// address if the API has one",
            )
        try:
            tls = _tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
            self._client = self._build(settings, auth, tls, keepalive=settings.slots.maximum)
            self._unpooled = self._build(settings, auth, tls, keepalive=0)
        except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
            raise ConfigError(
                f"the HTTP client can't be set up: {describe(error)}",
                hint="look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE in the environment",
            ) from error
        self._auth = auth
        if isinstance(auth, TokenAuth):
            auth.bind(self._post)

    def _build(self, settings: Settings, auth: httpx.Auth, tls: ssl.SSLContext, *, keepalive: int) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            auth=auth,
            follow_redirects=False,
            trust_env=True,
            verify=tls,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            event_hooks={} if self._sending is None else {"request": [self._before]},
            timeout=None,  # noqa: S113 - httpx's are for each step and each chunk; Pace bounds the whole
            limits=httpx.Limits(max_connections=settings.slots.maximum, max_keepalive_connections=keepalive),
            headers={
                "user-agent": f"datasync/{_native.build_info()['version']}",
                "accept": "application/json",
                "accept-encoding": "gzip",
            },
        )

    async def _before(self, _request: httpx.Request) -> None:
        if self._sending is not None:
            self._sending()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """See Transport."""
        if isinstance(self._auth, TokenAuth):
            await self._auth.close()
        await self._client.aclose()
        await self._unpooled.aclose()

    async def get(self, request: Request, room: Room | None = None) -> Answer:
        """See Transport."""
        url = self._base_url + request.path
        if request.url is not None:
            url = request.url
            if (there := Origin.of(url)) != (ours := Origin.of(self._base_url)):
                raise ContractChanged(
                    f"{request.path}: the next page is said to be on {there}, not on {ours}",
                    hint="credentials go to the API's own origin only; if that address is right, make it `base_url`",
                )
        room = room or _Fixed(self._limits.max_page_bytes)
        options: dict[str, Any] = {"headers": dict(request.headers)}
        if request.params:
            options["params"] = dict(request.params)  # an empty one would take the query off the URL
        if request.content is not None:
            options["content"] = request.content
            options["headers"]["content-type"] = "application/json"
        return await self._send(request.method, url, f"{request.method} {request.path}", room, **options)

    async def _post(
        self, url: str, headers: Mapping[str, str], auth: httpx.Auth | None, content: bytes | None = None
    ) -> Answer:
        room = _Fixed(self._limits.max_page_bytes)
        where = f"POST {httpx.URL(url).path}"
        return await self._send("POST", url, where, room, headers=dict(headers), auth=auth, content=content)

    async def _send(self, method: str, url: str, where: str, room: Room, **options: Any) -> Answer:
        pace = Pace(self._limits, asyncio.get_running_loop().time())
        try:
            return await self._exchange(self._client, method, url, where, room, pace, options)
        except _HalfOpen:
            pass  # what comes next is no consequence of it
        return await self._exchange(self._unpooled, method, url, where, room, pace, options)

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        where: str,
        room: Room,
        pace: Pace,
        options: Mapping[str, Any],
    ) -> Answer:
        trace = _Trace()
        answered = False
        try:
            async with (
                asyncio.timeout_at(pace.until) as deadline,
                client.stream(method, url, extensions={"trace": trace}, **options) as response,
            ):
                answered = True
                failpoint("headers_received")
                body = await _read(response, where, room, pace, deadline)
                # Of an error the status says enough, and what it means for the request must not be lost.
                if drop_leftover(response) and response.status_code == 200:
                    raise _longer(where)
        except TimeoutError as error:
            raise NetworkError(f"{where}: {pace.reason}") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            dead = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
            if dead and not answered and not trace.connected:
                raise _HalfOpen from error
            raise of_httpx(error, where=where) from error
        received_us = time.time_ns() // 1000
        wire_bytes = len(body)
        if encoding := _encoding(response.headers.get("content-encoding", "")):
            body = await self._plain(response.status_code, body, encoding, where, room)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, wire_bytes, received_us)

    async def _plain(self, status: int, body: bytes, encoding: str, where: str, room: Room) -> bytes:
        if status == 200:
            return await self._inflate(body, encoding, where, room)
        try:
            return await self._inflate(body, encoding, where, _Fixed(min(room.limit, MAX_ERROR_INFLATED)))
        except PageDamaged:
            return b""  # the status says what is to be done, and an error page often lies about its encoding

    async def _inflate(self, body: bytes, encoding: str, where: str, room: Room) -> bytes:
        # The last four bytes of gzip say how long it is, if they are right, and if it isn't several in a row.
        said = int.from_bytes(body[-4:], "little") if encoding == "gzip" else room.limit
        for most in sorted({min(max(said, len(body)), room.limit), room.limit}):
            await room.cover(most)
            try:
                return await asyncio.to_thread(
                    _native.inflate, body, encoding, max_bytes=most, max_ratio=self._limits.max_ratio
                )
            except (_native.PageError, _native.CorePanic) as error:
                if getattr(error, "code", "") != "inflate_limit":
                    raise PageDamaged(f"{where}: {error}") from error
        raise _too_large(where, room)


async def _read(response: httpx.Response, where: str, room: Room, pace: Pace, deadline: asyncio.Timeout) -> bytes:
    loop = asyncio.get_running_loop()
    parts: list[bytes] = []
    size = 0
    # Not `aiter_raw`: it closes the answer at the end, and another request may have the connection then.
    async for part in cast("httpx.AsyncByteStream", response.stream):
        size += len(part)
        if response.status_code != 200 and size > (most := min(room.limit, MAX_ERROR_BYTES)):
            return b"".join([*parts, part])[:most]  # the connection, which has the rest, is closed
        if size > room.limit:
            raise _too_large(where, room)
        now = loop.time()
        deadline.reschedule(None)
        await room.cover(size)
        pace.rest(loop.time() - now)  # the API can't help that we had no room
        pace.arrived(len(part), loop.time())
        deadline.reschedule(pace.until)
        parts.append(part)
        failpoint("mid_body")
    return b"".join(parts)


def _encoding(header: str) -> str:
    """What was done to a body, as the core names it; "" is nothing. `x-gzip` is gzip (RFC 9110 section 8.4.1.3)."""
    names = (name.strip().lower() for name in header.split(","))
    return ", ".join("gzip" if name == "x-gzip" else name for name in names if name not in ("", "identity"))


def _too_large(where: str, room: Room) -> PageTooLarge:
    return PageTooLarge(
        f"{where}: the answer is larger than {room.limit:,} bytes, for which there is no room in memory",
        hint=f"if that is how large its pages are, give it more with --memory or {envvars.MEMORY}",
    )


def _longer(where: str) -> PageDamaged:
    return PageDamaged(
        f"{where}: something follows the end of the answer, as its headers tell it",
        hint="the page may be cut short and was not stored: does the API, or a proxy before it, count `Content-Length`"
        " in bytes?",
    )


@lru_cache(maxsize=4)
def _tls(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """What certificates are verified with. Reading them takes 40 ms, and each endpoint has a transport.

    The arguments are the variables that httpx reads itself.
    """
    tls = httpx.create_ssl_context()
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return tls


class _Fixed:
    """Room of a size that nobody has to wait for."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    async def cover(self, page: int) -> None:
        """See Room."""


class _Trace:
    """Notices whether a request made a connection of its own, and when it was sent; httpcore calls it."""

    def __init__(self) -> None:
        self.connected = False

    async def __call__(self, event: str, _info: dict[str, object]) -> None:
        self.connected |= event == "connection.connect_tcp.started"
        if event == "http11.send_request_body.complete":
            failpoint("request_sent")
