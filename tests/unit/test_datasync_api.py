import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret, Settings
from datasync.config.compile import runs
from datasync.config.preset import PRESETS, config
from datasync.config.spec import Api, EndpointSpec, HeaderKey, NoAuth
from datasync.endpoints.base import ByCursor, ByReread
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.endpoints.datasync_feed import FeedEndpoint
from datasync.endpoints.rest import RestEndpoint
from datasync.errors import AuthError, ConfigError, ContractChanged, CursorExpired
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position

SETTINGS = Settings(Secret("postgresql://u@h/d", source="test"), "http://h/api", Secret("k", source="API_KEY"))
ENDPOINT = EventsEndpoint(SETTINGS)
assert isinstance(ENDPOINT.reseek, ByCursor)
BUILD = ENDPOINT.reseek.build


def chunk(cursor: str | None, key: str | None = None, us: int | None = None) -> Chunk:
    return Chunk(1, 1, 1, [], cursor, True, None, key, us)


def token(**members: object) -> str:
    return base64.b64encode(json.dumps(members).encode()).decode()


@pytest.mark.parametrize(
    ("built_in", "name", "path"),
    [
        (EventsEndpoint, "datasync.events", "/events"),
        (FeedEndpoint, "datasync.feed", "/events/d4ta/x7k9/feed"),
    ],
)
def test_what_the_built_in_endpoints_read_and_how_stays_as_it_is(
    built_in: Callable[[Settings], EventsEndpoint], name: str, path: str
) -> None:
    endpoint = built_in(SETTINGS)
    assert (endpoint.name, endpoint.path, endpoint.request(None).path) == (name, path, path)
    assert (endpoint.page_limit, endpoint.cursor_ttl) == (5000, 120)
    assert endpoint.plan == EncoderPlan(
        records="data",
        next_cursor="pagination.nextCursor",
        has_more="pagination.hasMore",
        total="meta.total",
        columns=(
            Column("id", "id", "text", required=True, key=True),
            Column("event_type", "type", "text"),
            Column("timestamp", "timestamp", "timestamptz"),
            Column("data", "", "jsonb", required=True),
        ),
    )


def test_the_built_in_endpoint_is_the_endpoint_of_its_configuration() -> None:
    (described,) = runs(config(SETTINGS))
    assert described.endpoint == "rest"
    rest = RestEndpoint(described)
    assert (rest.name, rest.plan, rest.cursor_ttl) == (ENDPOINT.name, ENDPOINT.plan, ENDPOINT.cursor_ttl)
    assert rest.request("c") == ENDPOINT.request("c")
    place: Position = {"id": "a", "ts": 5}
    assert rest.position(chunk(token(**place))) == place
    assert isinstance(rest.reseek, ByCursor)
    assert rest.reseek.build(place, 7) == BUILD(place, 7)


def test_a_configuration_that_uses_it_decides_how_the_key_is_sent_and_not_the_streams_name() -> None:
    api = Api(base_url="http://h/api", auth=HeaderKey(key=Secret("k2", source="test"), header="X-Other"))
    spec = EndpointSpec(name="mine", use="datasync")
    endpoint = EventsEndpoint(msgspec.structs.replace(SETTINGS, api=api, spec=spec))
    assert endpoint.name == "datasync.events"
    request = next(endpoint.auth.sync_auth_flow(httpx.Request("GET", "http://h/api/events")))
    assert request.headers["x-other"] == "k2"
    assert "x-api-key" not in request.headers


def test_the_feed_without_a_key_to_send_is_refused() -> None:
    api = Api(base_url="http://h/api", auth=NoAuth())
    with pytest.raises(ConfigError, match="key in a header"):
        FeedEndpoint(msgspec.structs.replace(SETTINGS, api=api))


@pytest.mark.parametrize("built_in", [EventsEndpoint, FeedEndpoint])
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "mine"),
        ("path", "/mine"),
        ("plan", EncoderPlan("data", ())),
        ("cursor_ttl", 0.5),
        ("page_limit", None),
        ("reseek", ByReread()),
    ],
)
def test_a_subclass_may_have_attributes_of_its_own_or_set_them(
    built_in: type[EventsEndpoint], member: str, value: object
) -> None:
    def setting(self: Any, settings: Settings) -> None:
        built_in.__init__(self, settings)
        setattr(self, member, value)

    for members in ({member: value}, {"__init__": setting}):
        endpoint = type("Mine", (built_in,), members)(SETTINGS)
        assert getattr(endpoint, member) == value
        if member == "path":
            assert endpoint.request(None).path == value


def test_the_presets_are_those_that_are_registered() -> None:
    assert set(PRESETS) == {EventsEndpoint.preset, FeedEndpoint.preset}


def test_the_first_request_has_a_limit_and_no_cursor() -> None:
    assert ENDPOINT.request(None).params == {"limit": 5000}
    assert ENDPOINT.request("c").params == {"limit": 5000, "cursor": "c"}


@given(key=st.text(min_size=1), ts=st.integers(0, 2**53), now=st.integers(0, 2**45))
def test_a_reseek_cursor_names_the_same_place_with_a_later_end(key: str, ts: int, now: int) -> None:
    place = ENDPOINT.position(chunk(token(id=key, ts=ts, v=2, exp=1)))
    assert place == {"id": key, "ts": ts}
    again = BUILD(place, now)
    assert ENDPOINT.position(chunk(again)) == place
    decoded = json.loads(base64.b64decode(again))
    assert decoded["v"] == 2
    assert now < decoded["exp"] <= now + 120_000


def test_base64url_without_padding_is_read_too() -> None:
    cursor = base64.urlsafe_b64encode(b'{"id":"\xc3\xbf\xc3\xbf>?","ts":5}').decode().rstrip("=")
    assert ENDPOINT.position(chunk(cursor)) == {"id": "ÿÿ>?", "ts": 5}


def test_a_cursor_is_written_as_the_api_writes_it() -> None:
    assert base64.b64decode(BUILD({"id": "a", "ts": 5}, 7)) == b'{"id":"a","ts":5,"v":2,"exp":110007}'


def test_two_windows_may_bring_the_same_page() -> None:
    feed, page = FeedEndpoint(SETTINGS), Answer(200, {}, b"{}", 2, 0)
    one = msgspec.structs.replace(chunk(token(id="b", ts=5, v=2, exp=9)), records=2, last_key="b")
    for cursor in (None, token(id="a", ts=6, v=2, exp=7), token(id="a", ts=6, v=2, exp=8), "opaque"):
        assert feed.turn(one, page, cursor) == one


def test_a_stored_position_without_a_member_is_refused() -> None:
    with pytest.raises(ContractChanged, match="the stored position has no 'ts'") as caught:
        BUILD({"id": "a"}, 7)
    assert "--restart" in str(caught.value.hint)


@pytest.mark.parametrize("cursor", [None, "", "opaque", "!!!", token(id="a"), token(id="a", ts="x"), "bnVsbA=="])
def test_an_opaque_cursor_falls_back_to_the_last_stored_record(cursor: str | None) -> None:
    assert ENDPOINT.position(chunk(cursor, "last", 1_705_314_600_123_999)) == {"id": "last", "ts": 1_705_314_600_123}
    assert ENDPOINT.position(chunk(cursor, "last", None)) is None


@pytest.mark.fault(15)
@pytest.mark.parametrize("code", ["CURSOR_EXPIRED", "CURSOR_INVALID_FORMAT"])
def test_a_cursor_the_api_does_not_know_is_told_apart_from_other_bad_requests(code: str) -> None:
    with pytest.raises(CursorExpired) as caught:
        ENDPOINT.check(answer(f'{{"code":"{code}"}}', {"date": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    assert caught.value.server_time == 1445412480000


@pytest.mark.parametrize("body", ['{"code":"INVALID_BODY"}', "<html>", "", '{"code":5}', "[]"])
def test_any_other_400_is_not_taken_for_an_expired_cursor(body: str) -> None:
    with pytest.raises(ContractChanged, match="400"):
        ENDPOINT.check(answer(body, {}))


def test_what_is_wrong_is_told_in_words_of_the_environment() -> None:
    with pytest.raises(ContractChanged, match="GET /events: 404") as caught:
        ENDPOINT.check(answer("{}", {}, status=404))
    assert caught.value.hint == "look at API_BASE_URL"
    with pytest.raises(AuthError, match="the API refused the key in API_KEY"):
        ENDPOINT.check(answer("{}", {}, status=401))


def answer(body: str, headers: dict[str, str], *, status: int = 400) -> Answer:
    return Answer(status, headers, body.encode(), len(body), 0)
