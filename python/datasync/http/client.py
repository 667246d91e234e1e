"""The transport on httpx."""

import asyncio
import logging
import time
from types import TracebackType
from typing import Self

import httpx

from datasync import _native
from datasync.config import Settings
from datasync.errors import ConfigError, NetworkError, PageDamaged
from datasync.http.transport import Answer
from datasync.model import Request


class HttpxTransport:
    """One httpx client for one API.

    Redirects are not followed: httpx would carry `X-API-Key` along to another host. Proxies and CA files from the
    environment are honoured. The body is read raw and decompressed by the native core, which holds a limit while it
    decodes; httpx has none.
    """

    def __init__(self, settings: Settings, auth: httpx.Auth) -> None:
        self._base_url = settings.api_base_url
        self._limits = settings.http
        # Its INFO lines carry whole URLs.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        try:
            self._client = self._build(settings, auth)
        except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
            raise ConfigError(
                f"the HTTP client can't be set up: {error}",
                hint="look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE in the environment",
            ) from error

    @staticmethod
    def _build(settings: Settings, auth: httpx.Auth) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            auth=auth,
            follow_redirects=False,
            trust_env=True,
            # httpx's read timeout is per chunk; the deadline for the whole request is held in get().
            timeout=settings.http.timeout,
            limits=httpx.Limits(
                max_connections=settings.slots.maximum, max_keepalive_connections=settings.slots.maximum
            ),
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
        await self._client.aclose()

    async def get(self, request: Request) -> Answer:
        """See Transport."""
        where = f"GET {request.path}"
        try:
            async with (
                asyncio.timeout(self._limits.timeout),
                self._client.stream("GET", self._base_url + request.path, params=dict(request.params)) as response,
            ):
                body = await self._read(response, where)
        except TimeoutError as error:
            raise NetworkError(f"{where}: no complete answer within {self._limits.timeout:g} s") from error
        except httpx.TimeoutException as error:
            raise NetworkError(f"{where}: {type(error).__name__} after {self._limits.timeout:g} s") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NetworkError(f"{where}: {error or type(error).__name__}") from error
        received_us = time.time_ns() // 1000
        wire_bytes = len(body)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            body = await self._inflate(body, encoding, where)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, wire_bytes, received_us)

    async def _read(self, response: httpx.Response, where: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > self._limits.max_page_bytes:
                raise PageDamaged(f"{where}: the answer is larger than {self._limits.max_page_bytes:,} bytes")
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
        except (_native.PageError, _native.CorePanic) as error:
            raise PageDamaged(f"{where}: {error}") from error
