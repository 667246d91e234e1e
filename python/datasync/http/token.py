"""Credentials of two steps: something buys a token, and the token opens the pages."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, NoReturn

import httpx
import msgspec
import structlog

from datasync import _native
from datasync.errors import AuthError, PageDamaged
from datasync.failpoints import failpoint
from datasync.http.access import MAX_BYTES, Access, error_code
from datasync.http.grant import Grant, Post

RENEW_AT: Final = 0.8
"""Part of a token's life after which another one is asked for, while requests go on with the old one."""

MARGIN: Final = 15.0
"""Seconds before a token's end from which on requests wait for the new one: longer than a request takes."""

MARGIN_PART: Final = 0.1
"""The margin is at most this part of a token's life."""

PAUSE: Final = 1.0
"""Seconds between a failed request for a token and the next one, however many wait for it."""


class _Held(msgspec.Struct, frozen=True):
    """A token and two moments of the monotonic clock: when to ask for another one, and until when to use it."""

    access: Access
    renew: float
    until: float


class TokenAuth(httpx.Auth):
    """Sends a token, and what goes with it, to the API's origin only, and keeps the token fresh.

    One task asks for a token, whoever waits for it. A request that the API refuses because of its token is sent once
    more with a new one; each token is replaced at most once, however many requests it was refused to. Where the
    answer says which path a token is good for, requests go there, with their own parameters.

    The transport calls `bind()` before the first request and `close()` after the last one. A request may raise, besides
    what httpx raises:

    * AuthError: the API gives no token, or refuses a fresh one.
    * ContractChanged: the answer with the token can't be used.
    * RetriableSourceError: the request for a token failed.
    """

    def __init__(
        self,
        grant: Grant,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take a monotonic `clock` in seconds."""
        self._grant = grant
        self._clock = clock
        self._sleep = sleep
        self._post: Post | None = None
        self._held: _Held | None = None
        self._task: asyncio.Task[_Held] | None = None
        self._not_before = float("-inf")  # no request for a token before this moment

    def bind(self, post: Post) -> None:
        """Ask for tokens through `post`."""
        self._post = post

    async def close(self) -> None:
        """Give up a request for a token that is on its way."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth."""
        if not self._grant.sign(request):
            yield request
            return
        held = await self._good()
        response = yield _carrying(request, held.access)
        if not await self._refused(request, response):
            return
        if self._held is held:
            self._held = None
        again = await self._good()
        request.headers.pop(held.access.header, None)
        response = yield _carrying(request, again.access)
        if await self._refused(request, response):
            raise AuthError(
                f"{request.method} {request.url.path}: the API refused a token, and the one it gave instead",
                hint=f"check what {self._grant.source} may read",
            )

    def sync_auth_flow(self, _request: httpx.Request) -> NoReturn:
        """Refuse: tokens are asked for by a task."""
        raise TypeError("a token needs httpx.AsyncClient")

    async def _good(self) -> _Held:
        """Give a token to use now."""
        held, now = self._held, self._clock()
        if held is not None and now < held.until:
            if now >= max(held.renew, self._not_before):
                self._renewal()
            return held
        # Shielded: one request that is given up must not take the token from the others.
        return await asyncio.shield(self._renewal())

    def _renewal(self) -> "asyncio.Task[_Held]":
        if self._task is None or self._task.done():
            # Not in a group: no request owns it. It ends by itself, at the transport's deadline, or by close().
            self._task = asyncio.create_task(self._renew())
            self._task.add_done_callback(self._renewed)
        return self._task

    async def _renew(self) -> _Held:
        assert self._post is not None, "bind() comes first"
        if (pause := self._not_before - self._clock()) > 0:
            await self._sleep(pause)
        began = self._clock()  # the server's count begins later
        try:
            access = await self._grant.ask(self._post)
        except BaseException:
            self._not_before = self._clock() + PAUSE
            raise
        failpoint("token_refreshed")
        margin = min(MARGIN, MARGIN_PART * access.lifetime)
        self._held = _Held(access, began + RENEW_AT * access.lifetime, began + access.lifetime - margin)
        return self._held

    def _renewed(self, task: "asyncio.Task[_Held]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self._held is not None and (left := self._held.until - self._clock()) > 0:
            # Nobody waits for it, so nobody else tells.
            structlog.get_logger().warning("no new token yet", reason=str(error), good_for=round(left, 1))

    async def _refused(self, request: httpx.Request, response: httpx.Response) -> bool:
        """Whether the API refuses the token. If not, the answer can be read as if nobody had."""
        spec = self._grant.spec
        if response.status_code != spec.refused_status:
            return False
        raw = await _read(response, where=f"{request.method} {request.url.path}")
        refused = spec.refused_code is None or error_code(_plain(response, raw), spec.code) == spec.refused_code
        if refused:
            # httpx reads an answer before it repeats the request, and would decompress it without a limit.
            response.headers.pop("content-encoding", None)
        response.stream = httpx.ByteStream(raw)
        response.is_stream_consumed = response.is_closed = False
        return refused


def _carrying(request: httpx.Request, access: Access) -> httpx.Request:
    request.headers[access.header] = access.prefix + access.token.reveal()
    if access.url is not None:
        request.url = httpx.URL(access.url, query=request.url.query or None)
    return request


async def _read(response: httpx.Response, *, where: str) -> bytes:
    parts: list[bytes] = []
    async for part in response.aiter_raw():
        parts.append(part)
        if sum(map(len, parts)) > MAX_BYTES:
            raise PageDamaged(f"{where}: {response.status_code}, the answer is larger than {MAX_BYTES:,} bytes")
    return b"".join(parts)


def _plain(response: httpx.Response, raw: bytes) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return raw
    try:
        # So small a body may have any ratio.
        return _native.inflate(raw, encoding, max_bytes=MAX_BYTES, max_ratio=1)
    except (_native.PageError, _native.CorePanic):
        return b""  # whoever reads the answer will say so
