"""The simulated feed over real sockets: how often a token is asked for is counted where it is given."""

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from datasync.config import Secret
from datasync.endpoints.datasync_feed import FeedEndpoint
from datasync.errors import AuthError, ContractChanged
from datasync.http.client import HttpxTransport
from datasync.http.transport import Answer
from datasync.model import Window
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.contract.bad_server import Server, page, settings
from tests.support import API_KEY

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

HEADERS = {"X-Dashboard-Access": Secret("demo", source="DATASYNC_ACCESS_HEADERS")}


def options(**more: object) -> SimulatorOptions:
    chosen = {"count": 100, "page_cap": 10, "api_key": API_KEY, "rate_limit": "none", "prerender": "none", **more}
    return SimulatorOptions(**chosen)  # type: ignore[arg-type]  # by name


def ask(base_url: str, *rounds: int, headers: dict[str, Secret] = HEADERS) -> list[Answer]:
    """Ask for the first page: so many requests at once in each round."""

    async def main() -> list[Answer]:
        chosen = msgspec.structs.replace(settings(base_url), access_headers=headers)
        endpoint = FeedEndpoint(chosen)
        answers: list[Answer] = []
        async with HttpxTransport(chosen, endpoint.auth) as transport:
            for width in rounds:
                answers += await asyncio.gather(*(transport.get(endpoint.request(None)) for _ in range(width)))
        for answer in answers:
            endpoint.check(answer)
        return answers

    return asyncio.run(main())


def statuses(api: SimulatorProcess) -> Counter[tuple[str, int]]:
    return Counter((entry.endpoint, entry.status) for entry in api.served())


def test_twenty_requests_at_once_cost_one_token(simulate: Simulate) -> None:
    api = simulate(options())
    assert len(ask(api.base_url, 20)) == 20
    assert statuses(api) == {("access", 200): 1, ("feed", 200): 20}


@pytest.mark.fault(27)
def test_twenty_requests_whose_token_has_ended_cost_one_more(simulate: Simulate) -> None:
    api = simulate(options(drop_tokens_every=50))
    assert len(ask(api.base_url, *[1] * 49, 20)) == 69
    assert statuses(api) == {("access", 200): 2, ("feed", 200): 69, ("feed", 403): 20}


@pytest.mark.fault(27)
def test_a_feed_that_refuses_every_token_is_given_up_at_once(simulate: Simulate) -> None:
    api = simulate(options(drop_tokens_every=1))
    with pytest.raises(AuthError, match="the API refused a token, and the one it gave instead"):
        ask(api.base_url, 1)
    assert statuses(api) == {("access", 200): 2, ("feed", 403): 2}


def test_without_its_headers_the_setting_is_named_and_the_feed_never_asked(simulate: Simulate) -> None:
    api = simulate(options())
    with pytest.raises(AuthError, match="POST /internal/dashboard/stream-access: 403 DASHBOARD_REQUIRED") as caught:
        ask(api.base_url, 1, headers={})
    assert "DATASYNC_ACCESS_HEADERS" in str(caught.value.hint)
    assert statuses(api) == {("access", 403): 1}


def test_a_wrong_key_is_named_by_its_variable(simulate: Simulate) -> None:
    api = simulate(options(api_key="another"))
    with pytest.raises(AuthError, match="401 UNAUTHORIZED") as caught:
        ask(api.base_url, 1)
    assert "API_KEY" in str(caught.value.hint)


@pytest.mark.fault(25)
def test_a_redirected_request_for_a_token_takes_neither_key_nor_headers_along() -> None:
    async def main() -> None:
        other = Server(page)

        async def moved(writer: asyncio.StreamWriter) -> None:
            place = f"http://127.0.0.1:{other.port}/canary"
            writer.write(f"HTTP/1.1 307 Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())

        server = Server(moved)
        async with other.running(), server.running():
            with pytest.raises(ContractChanged, match=f"a redirect to http://127.0.0.1:{other.port};") as caught:
                await asyncio.to_thread(ask, f"http://127.0.0.1:{server.port}/api/v1", 1)
        assert "canary" not in str(caught.value)
        assert len(server.requests) == 1
        assert other.requests == []

    asyncio.run(main())


def test_feed_and_list_have_one_page_and_one_cursor() -> None:
    chosen = settings("http://127.0.0.1/api/v1")
    feed = FeedEndpoint(chosen)
    assert feed.name == "datasync.feed"
    assert feed.request("c").path == "/events/d4ta/x7k9/feed"
    asked = feed.request_window("c", Window(6, 9))
    assert asked.params == {"limit": 5000, "cursor": "c", "since": 5, "until": 9}
