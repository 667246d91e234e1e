"""A refused token is replaced once, and a token that can't be had fails those who need it. No time passes."""

import asyncio
import gzip
import tracemalloc

import httpx
import pytest
import structlog

from datasync.errors import AuthError, NetworkError, PageDamaged, ServerError
from datasync.http.access import MAX_BYTES
from datasync.http.token import PAUSE
from tests.token_api import BASE, FEED, Api, settle


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


@pytest.mark.fault(27)
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

        async with httpx.AsyncClient(transport=httpx.MockTransport(slow), auth=api.auth) as other:
            api.good.clear()
            waiting = asyncio.ensure_future(api.get(other, f"https://api.example.com{FEED}?limit=1"))
            await settle()
            assert await api.get(other) == 200
            late.set()
            assert await waiting == 200

    api.run(main)
    assert api.posts == 2


@pytest.mark.fault(27)
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


@pytest.mark.fault(27)
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
