"""The transport on httpx."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpx
import structlog

from datasync import _native
from datasync.config import Settings
from datasync.errors import ConfigError, NetworkError, PageDamaged, PageTooLarge
from datasync.http.classify import of_httpx
from datasync.http.origin import Origin
from datasync.http.pace import Pace
from datasync.http.redact import describe, quieten
from datasync.http.token import TokenAuth
from datasync.http.transport import Answer
from datasync.model import Request


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

    def __init__(self, settings: Settings, auth: httpx.Auth) -> None:
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
            tls = httpx.create_ssl_context()
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
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

    @staticmethod
    def _build(settings: Settings, auth: httpx.Auth, tls: ssl.SSLContext, *, keepalive: int) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            auth=auth,
            follow_redirects=False,
            trust_env=True,
            verify=tls,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=None,  # noqa: S113 - httpx's are for each step and each chunk; Pace bounds the whole
            limits=httpx.Limits(max_connections=settings.slots.maximum, max_keepalive_connections=keepalive),
            headers={
                "user-agent": f"datasync/{_native.build_info()['version']}",
                "accept": "application/json",
                "accept-encoding": "gzip",
            },
        )

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

    async def get(self, request: Request) -> Answer:
        """See Transport."""
        url = self._base_url + request.path
        return await self._send("GET", url, f"GET {request.path}", params=dict(request.params))

    async def _post(self, url: str, headers: Mapping[str, str], auth: httpx.Auth) -> Answer:
        return await self._send("POST", url, f"POST {httpx.URL(url).path}", headers=dict(headers), auth=auth)

    async def _send(self, method: str, url: str, where: str, **options: Any) -> Answer:
        pace = Pace(self._limits, asyncio.get_running_loop().time())
        try:
            return await self._exchange(self._client, method, url, where, pace, options)
        except _HalfOpen:
            pass  # what comes next is no consequence of it
        return await self._exchange(self._unpooled, method, url, where, pace, options)

    async def _exchange(
        self, client: httpx.AsyncClient, method: str, url: str, where: str, pace: Pace, options: Mapping[str, Any]
    ) -> Answer:
        trace = _Trace()
        answered = False
        try:
            async with (
                asyncio.timeout_at(pace.until) as deadline,
                client.stream(method, url, extensions={"trace": trace}, **options) as response,
            ):
                answered = True
                body = await self._read(response, where, pace, deadline)
        except TimeoutError as error:
            raise NetworkError(f"{where}: {pace.reason}") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            dead = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
            if dead and not answered and not trace.connected:
                raise _HalfOpen from error
            raise of_httpx(error, where=where) from error
        received_us = time.time_ns() // 1000
        wire_bytes = len(body)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            body = await self._inflate(body, encoding, where)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, wire_bytes, received_us)

    async def _read(self, response: httpx.Response, where: str, pace: Pace, deadline: asyncio.Timeout) -> bytes:
        loop = asyncio.get_running_loop()
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_raw():
            pace.arrived(len(part), loop.time())
            deadline.reschedule(pace.until)
            size += len(part)
            if size > self._limits.max_page_bytes:
                raise PageTooLarge(f"{where}: the answer is larger than {self._limits.max_page_bytes:,} bytes")
            parts.append(part)
        return b"".join(parts)

    async def _inflate(self, body: bytes, encoding: str, where: str) -> bytes:
        try:
            return await asyncio.to_thread(
                _native.inflate,
                body,
                encoding,
                max_bytes=self._limits.max_page_bytes,
                max_ratio=self._limits.max_ratio,
            )
        except _native.PageError as error:
            kind = PageTooLarge if error.code == "inflate_limit" else PageDamaged
            raise kind(f"{where}: {error}") from error
        except _native.CorePanic as error:
            raise PageDamaged(f"{where}: {error}") from error


class _Trace:
    """Notices whether a request made a connection of its own; httpcore calls it."""

    def __init__(self) -> None:
        self.connected = False

    async def __call__(self, event: str, _info: dict[str, object]) -> None:
        self.connected |= event == "connection.connect_tcp.started"
