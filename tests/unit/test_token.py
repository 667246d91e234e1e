"""One token for all requests, kept fresh by one task; a refused one is replaced once. No time passes."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import httpx
import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.endpoints.datasync_feed import access_spec
from datasync.errors import AuthError, ConfigError, ContractChanged, NetworkError, PageDamaged, ServerError
from datasync.http.access import MAX_BYTES
from datasync.http.auth import ApiKeyAuth
from datasync.http.token import PAUSE, TokenAuth
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
        self.auth = TokenAuth(
            key,
            msgspec.structs.replace(datasync, **spec),
            learn=lambda secret: self.learned.append(secret.reveal()),
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        self.auth.bind(self.post)

    async def post(self, url: str, headers: Mapping[str, str], auth: httpx.Auth) -> Answer:
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


def test_key_and_token_travel_together_and_the_token_is_learned() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        assert [await api.get(client), await api.get(client)] == [200, 200]

    api.run(main)
    assert (api.posts, api.asked) == (1, ["token-number-1"] * 2)
    assert api.keys == [API_KEY] * 2
    assert api.learned == ["token-number-1"]
    assert api.sent == {"X-Dashboard-Access": "demo"}
    assert api.urls == [BASE + "/events/d4ta/x7k9/feed?limit=5"] * 2


def test_neither_goes_to_another_origin() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        assert await api.get(client, "https://evil.example/feed") == 200

    api.run(main)
    assert (api.posts, api.asked, api.keys) == (0, [None], [None])


def test_requests_go_where_the_token_is_good() -> None:
    api = Api()
    api.access["endpoint"] = "/api/v2/other%2Ffeed"

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client, BASE + "/events/d4ta/x7k9/feed?limit=5&cursor=a%2B%2F%3D")

    api.run(main)
    assert api.urls == ["https://api.example.com/api/v2/other%2Ffeed?limit=5&cursor=a%2B%2F%3D"]


def test_a_place_on_another_origin_is_refused_before_anything_is_sent_there() -> None:
    api = Api()
    api.access["endpoint"] = "https://evil.example/feed"

    async def main(client: httpx.AsyncClient) -> None:
        with pytest.raises(ContractChanged, match="another origin"):
            await api.get(client)

    api.run(main)
    assert api.asked == []


def test_an_access_endpoint_on_another_origin_than_the_keys_is_refused_at_once() -> None:
    key = ApiKeyAuth("X-API-Key", Secret(API_KEY, source="API_KEY"), base_url="https://other.example")
    with pytest.raises(ConfigError, match=r"other\.example"):
        TokenAuth(key, access_spec(BASE, {}), learn=lambda _: None)


def test_twenty_requests_at_once_ask_for_one_token() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        assert await asyncio.gather(*(api.get(client) for _ in range(20))) == [200] * 20

    api.run(main)
    assert api.posts == 1


def test_at_four_fifths_of_its_life_a_token_is_renewed_while_requests_go_on_with_it() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.clock.now += 239
        await api.get(client)
        await settle()
        assert api.posts == 1
        api.clock.now += 1
        api.hold = asyncio.Event()
        await asyncio.gather(*(api.get(client) for _ in range(5)))
        assert (api.posts, set(api.asked)) == (2, {"token-number-1"})
        api.hold.set()
        await settle()
        await api.get(client)
        assert (api.posts, api.asked[-1]) == (2, "token-number-2")

    api.run(main)


def test_near_its_end_a_token_is_used_no_more_and_requests_wait() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.clock.now += 285
        api.hold = asyncio.Event()
        waiting = asyncio.gather(*(api.get(client) for _ in range(5)))
        await settle()
        assert api.asked == ["token-number-1"]
        api.hold.set()
        assert await waiting == [200] * 5
        assert (api.posts, set(api.asked[1:])) == (2, {"token-number-2"})

    api.run(main)


@pytest.mark.parametrize("lifetime", [1, 3, 10, 100, 86_400])
def test_a_token_of_any_life_is_used_for_most_of_it_and_never_beyond(lifetime: int) -> None:
    api = Api()
    api.access["expiresIn"] = lifetime

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.clock.now += 0.79 * lifetime
        await api.get(client)
        await settle()
        assert api.posts == 1
        api.clock.now += 0.21 * lifetime
        await api.get(client)
        assert (api.posts, api.asked[-1]) == (2, "token-number-2")

    api.run(main)


def test_its_life_counts_from_before_the_request_for_it() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        api.hold = asyncio.Event()
        first = asyncio.ensure_future(api.get(client))
        await settle()
        api.clock.now += 250  # a slow access endpoint
        api.hold.set()
        await first
        api.clock.now += 40
        await api.get(client)
        assert api.asked == ["token-number-1", "token-number-2"]

    api.run(main)


def test_a_refused_token_is_replaced_once_and_the_request_repeated() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        assert await api.get(client) == 200

    api.run(main)
    assert api.asked == ["token-number-1", "token-number-1", "token-number-2"]
    assert api.posts == 2


def test_a_new_token_in_another_header_leaves_nothing_of_the_old_one() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        api.access["tokenHeader"] = "Authorization"
        with pytest.raises(AuthError):  # this API looks into the first header only
            await api.get(client)

    api.run(main)
    assert api.headers["authorization"] == "token-number-2"
    assert "x-stream-token" not in api.headers


def test_a_refusal_that_is_a_bomb_is_not_decompressed() -> None:
    api = Api(refused_status=401, refused_code=None)
    bomb = gzip.compress(b" " * 20_000_000)
    assert len(bomb) < MAX_BYTES
    api.refusal = (401, {"content-encoding": "gzip"}, bomb)

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        tracemalloc.start()
        assert await api.get(client) == 200
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000

    api.run(main)
    assert api.posts == 2


def test_twenty_requests_refused_at_once_share_one_new_token() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        assert await asyncio.gather(*(api.get(client) for _ in range(20))) == [200] * 20

    api.run(main)
    assert api.posts == 2
    assert api.asked.count("token-number-1") == 21
    assert api.asked.count("token-number-2") == 20


def test_a_request_refused_after_the_others_takes_the_token_that_they_got() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        late = asyncio.Event()
        handle = api.handle

        async def slow(request: httpx.Request) -> httpx.Response:
            response = await handle(request)
            if request.url.params.get("limit") == "1" and response.status_code == 403:
                await late.wait()
            return response

        api.handle = slow  # type: ignore[method-assign]
        async with httpx.AsyncClient(transport=httpx.MockTransport(slow), auth=api.auth) as other:
            api.good.clear()
            waiting = asyncio.ensure_future(api.get(other, f"https://api.example.com{FEED}?limit=1"))
            await settle()
            assert await api.get(other) == 200
            late.set()
            assert await waiting == 200

    api.run(main)
    assert api.posts == 2


def test_a_fresh_token_that_is_refused_too_ends_the_run_without_a_storm() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)

        class Nothing(set[str]):
            def add(self, _: str) -> None: ...

        api.good = Nothing()
        results = await asyncio.gather(*(api.get(client) for _ in range(20)), return_exceptions=True)
        assert [type(result) for result in results] == [AuthError] * 20

    api.run(main)
    assert api.posts == 2
    assert len(api.asked) == 1 + 2 * 20


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b'{"code":"FORBIDDEN"}'),
        ({}, b"<html>captive portal</html>"),
        ({}, b""),
        ({"content-encoding": "gzip"}, gzip.compress(b'{"code":"FORBIDDEN"}')),
        ({"content-encoding": "gzip"}, gzip.compress(b'{"code":"INVALID_STREAM_TOKEN"}')[:-3]),
        ({"content-encoding": "gzip"}, gzip.compress(b" " * (MAX_BYTES + 1) + b'{"code":"INVALID_STREAM_TOKEN"}')),
        ({"content-encoding": "br"}, b'{"code":"INVALID_STREAM_TOKEN"}'),
    ],
    ids=["code", "html", "empty", "gzip", "gzip cut short", "gzip bomb", "unknown encoding"],
)
def test_another_403_is_handed_on_as_it_came(headers: dict[str, str], body: bytes) -> None:
    api = Api()
    api.refusal = (403, headers, body)

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        assert await api.get(client) == 403
        assert api.body == body

    api.run(main)
    assert api.posts == 1


def test_a_compressed_refusal_is_understood_too() -> None:
    api = Api()
    api.refusal = (403, {"content-encoding": "gzip"}, gzip.compress(b'{"code":"INVALID_STREAM_TOKEN"}'))

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        assert await api.get(client) == 200

    api.run(main)
    assert api.posts == 2


def test_a_refusal_without_end_is_not_read_to_the_end() -> None:
    api = Api()
    api.refusal = (403, {}, b" " * (2 * MAX_BYTES))

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.good.clear()
        with pytest.raises(PageDamaged, match=f"GET {FEED}: 403, the answer is larger"):
            await api.get(client)

    api.run(main)


def test_a_failed_request_for_a_token_fails_all_who_wait_once_and_the_next_one_pauses() -> None:
    api = Api()
    api.fail = [NetworkError("POST: reset"), ServerError("POST: 503")]

    async def main(client: httpx.AsyncClient) -> None:
        began = api.clock.now
        results = await asyncio.gather(*(api.get(client) for _ in range(20)), return_exceptions=True)
        assert [type(result) for result in results] == [NetworkError] * 20
        assert (api.posts, api.clock.now) == (1, began)
        with pytest.raises(ServerError):
            await api.get(client)
        assert await api.get(client) == 200
        assert (api.posts, api.clock.now) == (3, began + 2 * PAUSE)

    api.run(main)


def test_an_early_renewal_that_fails_hurts_nobody_and_is_tried_again_after_a_pause() -> None:
    api = Api()
    api.fail = []

    async def main(client: httpx.AsyncClient) -> None:
        await api.get(client)
        api.clock.now += 250
        api.fail = [NetworkError("POST: reset")]
        with structlog.testing.capture_logs() as logs:
            for _ in range(5):
                assert await api.get(client) == 200
                await settle()
        assert api.posts == 2
        assert [(line["event"], line["reason"], line["good_for"]) for line in logs] == [
            ("no new token yet", "POST: reset", 35.0)
        ]
        api.clock.now += PAUSE
        await api.get(client)
        await settle()
        await api.get(client)
        assert (api.posts, api.asked[-1]) == (3, "token-number-3")

    api.run(main)


def test_a_request_that_is_given_up_leaves_the_token_to_the_others() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        api.hold = asyncio.Event()
        impatient = asyncio.ensure_future(api.get(client))
        patient = asyncio.ensure_future(api.get(client))
        await settle()
        impatient.cancel()
        await settle()
        api.hold.set()
        assert await patient == 200

    api.run(main)
    assert api.posts == 1


def test_closing_ends_a_request_for_a_token_that_is_on_its_way() -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        api.hold = asyncio.Event()
        waiting = asyncio.ensure_future(api.get(client))
        await settle()
        await api.auth.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(asyncio.all_tasks()) == 1

    api.run(main)


def test_a_client_without_tasks_is_refused() -> None:
    with httpx.Client(auth=Api().auth) as client, pytest.raises(TypeError, match="AsyncClient"):
        client.get(BASE)


@given(
    drops=st.lists(st.booleans(), min_size=1, max_size=8),
    steps=st.lists(st.sampled_from([0.0, 100.0, 250.0, 290.0, 400.0]), min_size=8, max_size=8),
    width=st.integers(1, 6),
)
def test_whatever_ends_tokens_each_is_replaced_once_and_every_request_succeeds(
    drops: list[bool], steps: list[float], width: int
) -> None:
    api = Api()

    async def main(client: httpx.AsyncClient) -> None:
        for drop, step in zip(drops, steps, strict=False):
            api.clock.now += step
            if drop:
                api.good.clear()
            posts = api.posts
            results: list[Awaitable[int]] = [api.get(client) for _ in range(width)]
            assert await asyncio.gather(*results) == [200] * width
            await settle()
            assert api.posts - posts <= 2  # one by age, and one because that was on its way when tokens were dropped

    api.run(main)
    assert api.learned == [f"token-number-{number}" for number in range(1, api.posts + 1)]
