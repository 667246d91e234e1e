"""One token for all requests, kept fresh by one task. No time passes."""

import asyncio
from collections.abc import Awaitable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.endpoints.datasync_feed import access_spec
from datasync.errors import ConfigError, ContractChanged
from datasync.http.auth import ApiKeyAuth
from datasync.http.grant import KeyGrant
from tests.support import API_KEY
from tests.token_api import BASE, Api, settle


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


@pytest.mark.fault(26)
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
        KeyGrant(key, access_spec(BASE, {}), learn=lambda _: None)


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


@pytest.mark.fault(27)
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
