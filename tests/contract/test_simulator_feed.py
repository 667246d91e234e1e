"""The simulated feed: its token, its windows and its integers."""

from __future__ import annotations

import pytest

from datasync.simulator.feed import FEED_PATH
from tests.contract.simulated import ACCESS, Api


def test_stream_access_wants_its_headers_and_gives_a_token() -> None:
    api = Api(dashboard_headers=("X-One: 1", "X-Two: 2"))
    refused = api.ask(ACCESS, method="POST", headers={"X-One": "1"})
    assert (refused.status_code, refused.json()["code"]) == (403, "DASHBOARD_REQUIRED")
    access = api.ask(ACCESS, method="POST", headers={"X-One": "1", "X-Two": "2"}).json()["streamAccess"]
    assert len(bytes.fromhex(access.pop("token"))) == 32
    assert access == {"endpoint": FEED_PATH, "expiresIn": 300, "tokenHeader": "X-Stream-Token"}


def test_token_opens_the_feed_for_its_time_and_a_new_one_ends_no_other() -> None:
    api = Api()
    first = api.token()
    api.now += 200
    second = api.token()
    assert api.ask(FEED_PATH, headers={"X-Stream-Token": first}).status_code == 200
    api.now += 101
    expired = api.ask(FEED_PATH, headers={"X-Stream-Token": first})
    assert (expired.status_code, expired.json()["code"]) == (403, "INVALID_STREAM_TOKEN")
    assert api.ask(FEED_PATH, headers={"X-Stream-Token": second}).status_code == 200
    assert api.ask(FEED_PATH).status_code == 403


def test_all_tokens_end_before_every_so_many_requests() -> None:
    api = Api(drop_tokens_every=3)

    def ask(token: str) -> int:
        return api.ask(FEED_PATH, headers={"X-Stream-Token": token}).status_code

    first, other = api.token(), api.token()
    assert [ask(first), ask(other), ask(first), ask(other)] == [200, 200, 403, 403]
    assert ask(api.token()) == 200


def test_feed_gives_integers_only_and_no_rate_headers() -> None:
    api = Api(rate_limit="10/60")
    answer = api.ask(FEED_PATH, headers={"X-Stream-Token": api.token()})
    assert all(isinstance(record["timestamp"], int) for record in answer.json()["data"])
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    statuses = [api.ask(FEED_PATH, headers={"X-Stream-Token": "x"}).status_code for _ in range(45)]
    assert statuses == [403] * 44 + [429]


@pytest.mark.parametrize(
    ("bounds", "with_since", "with_until"), [("inclusive", 1, 1), ("half-open", 1, 0), ("exclusive", 0, 0)]
)
def test_feed_windows_hold_what_their_bounds_say(bounds: str, with_since: int, with_until: int) -> None:
    api = Api(feed_bounds=bounds, feed_total="window")
    # Both bounds are moments that two events share.
    since, until = api.dataset.timestamp_ms(201), api.dataset.timestamp_ms(105)
    window = range(since + 1 - with_since, until + with_until)
    wanted = [id for index, id in enumerate(api.dataset.ids()) if api.dataset.timestamp_ms(index) in window]
    records = api.walk(FEED_PATH, since=since, until=until, limit=30)
    assert [record["id"] for record in records] == wanted
    assert len(wanted) == 94 + 2 * with_since + 2 * with_until
    token = {"X-Stream-Token": api.token()}
    page = api.ask(FEED_PATH, params={"since": since, "until": until}, headers=token).json()
    assert page["meta"]["total"] == len(wanted)


def test_feed_without_window_gives_everything() -> None:
    api = Api()
    assert api.walk(FEED_PATH, limit=1_000) == [api.dataset.event(index) for index in range(2_500)]
