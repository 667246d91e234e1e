"""An API with tokens, without a socket and without time."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx
import msgspec

from datasync.config import Secret
from datasync.endpoints.datasync_feed import access_spec
from datasync.http.auth import ApiKeyAuth
from datasync.http.grant import KeyGrant
from datasync.http.token import TokenAuth
from datasync.http.transport import Answer
from tests.support import API_KEY, Clock

BASE = "https://api.example.com/api/v1"
FEED = "/api/v1/events/d4ta/x7k9/feed"


class Api:
    """An API with tokens, behind httpx's mock transport and a hand-driven clock.

    Attributes:
        posts: how often a token was asked for.
        good: the tokens it takes.
        asked: the token of each request for a page, in order.
        fail: raised instead of giving a token, once each.
        access: changes to the answer with a token.
        hold: a request for a token waits for this.
        refusal: status, headers and body of a refused token.
    """

    def __init__(self, **spec: Any) -> None:
        self.clock = Clock()
        self.posts = 0
        self.good: set[str] = set()
        self.asked: list[str | None] = []
        self.urls: list[str] = []
        self.keys: list[str | None] = []
        self.fail: list[Exception] = []
        self.access: dict[str, object] = {}
        self.hold: asyncio.Event | None = None
        self.refusal: tuple[int, dict[str, str], bytes] = (403, {}, b'{"code":"INVALID_STREAM_TOKEN"}')
        self.learned: list[str] = []
        self.sent: Mapping[str, str] = {}
        key = ApiKeyAuth("X-API-Key", Secret(API_KEY, source="API_KEY"), base_url=BASE)
        datasync = access_spec(BASE, {"X-Dashboard-Access": Secret("demo", source="DATASYNC_ACCESS_HEADERS")})
        grant = KeyGrant(
            key,
            msgspec.structs.replace(datasync, **spec),
            learn=lambda secret: self.learned.append(secret.reveal()),
        )
        self.auth = TokenAuth(grant, clock=self.clock, sleep=self.clock.sleep)
        self.auth.bind(self.post)

    async def post(
        self, url: str, headers: Mapping[str, str], auth: httpx.Auth | None, content: bytes | None = None
    ) -> Answer:
        assert content is None
        assert url == "https://api.example.com/internal/dashboard/stream-access"
        assert isinstance(auth, ApiKeyAuth)
        self.posts += 1
        self.sent = headers
        number = self.posts
        await asyncio.sleep(0)
        if self.hold is not None:
            await self.hold.wait()
        if self.fail:
            raise self.fail.pop(0)
        token = f"token-number-{number}"
        self.good.add(token)
        access = {"endpoint": FEED, "token": token, "expiresIn": 300, "tokenHeader": "X-Stream-Token", **self.access}
        return Answer(200, {}, json.dumps({"streamAccess": access}).encode(), 0, 0)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers.get("x-stream-token"))
        self.urls.append(str(request.url))
        self.headers = request.headers
        self.keys.append(request.headers.get("x-api-key"))
        await asyncio.sleep(0)
        if self.asked[-1] not in self.good and request.url.host == "api.example.com":
            status, headers, body = self.refusal
            return httpx.Response(status, headers=headers, stream=Raw(body))
        return httpx.Response(200, stream=Raw(b"{}"))

    async def get(self, client: httpx.AsyncClient, url: str = BASE + "/events/d4ta/x7k9/feed?limit=5") -> int:
        async with client.stream("GET", url) as response:
            self.body = b"".join([part async for part in response.aiter_raw()])
            return response.status_code

    def run(self, main: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
        async def with_client() -> None:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.handle), auth=self.auth) as client:
                await main(client)
            await self.auth.close()

        asyncio.run(with_client())


class Raw(httpx.AsyncByteStream):
    """A body that can be read once, like a socket's."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> Any:
        for start in range(0, len(self._body), 1000):
            yield self._body[start : start + 1000]


async def settle() -> None:
    """Let everything run that can run without time."""
    for _ in range(20):
        await asyncio.sleep(0)
