import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret, Settings
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.errors import ContractChanged, CursorExpired
from datasync.http.transport import Answer
from datasync.model import Chunk

ENDPOINT = EventsEndpoint(
    Settings(Secret("postgresql://", source="test"), "http://h/api", Secret("k", source="API_KEY"))
)


def chunk(cursor: str | None, key: str | None = None, us: int | None = None) -> Chunk:
    return Chunk(1, 1, 1, [], cursor, True, None, key, us)


def token(**members: object) -> str:
    return base64.b64encode(json.dumps(members).encode()).decode()


def test_the_first_request_has_a_limit_and_no_cursor() -> None:
    assert ENDPOINT.request(None).params == {"limit": 5000}
    assert ENDPOINT.request("c").params == {"limit": 5000, "cursor": "c"}


@given(key=st.text(min_size=1), ts=st.integers(0, 2**53), now=st.integers(0, 2**45))
def test_a_reseek_cursor_names_the_same_place_with_a_later_end(key: str, ts: int, now: int) -> None:
    place = ENDPOINT.position(chunk(token(id=key, ts=ts, v=2, exp=1)))
    assert place == {"id": key, "ts": ts}
    again = ENDPOINT.reseek.build(place, now)
    assert ENDPOINT.position(chunk(again)) == place
    decoded = json.loads(base64.b64decode(again))
    assert decoded["v"] == 2
    assert now < decoded["exp"] <= now + 120_000


def test_base64url_without_padding_is_read_too() -> None:
    cursor = base64.urlsafe_b64encode(b'{"id":"\xc3\xbf\xc3\xbf>?","ts":5}').decode().rstrip("=")
    assert ENDPOINT.position(chunk(cursor)) == {"id": "ÿÿ>?", "ts": 5}


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


def answer(body: str, headers: dict[str, str]) -> Answer:
    return Answer(400, headers, body.encode(), len(body), 0)
