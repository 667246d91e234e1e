"""The simulated API in this process, against a clock of the test's own: what the endpoints answer."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest

from datasync.simulator.cursor import InvalidCursorError, decode_cursor, encode_cursor
from tests.contract.simulated import LIST, Api


def test_list_answers_the_documented_envelope() -> None:
    api = Api()
    page = api.ask(LIST).json()
    assert list(page) == ["data", "pagination", "meta"]
    assert len(page["data"]) == 100  # the documented default
    cursor = page["pagination"].pop("nextCursor")
    assert page["pagination"] == {"limit": 100, "hasMore": True, "cursorExpiresIn": 120}
    assert uuid.UUID(page["meta"].pop("requestId")).version == 4
    assert page["meta"] == {"total": 2_500, "returned": 100}
    assert json.loads(base64.b64decode(cursor)) == {
        "id": api.dataset.id(99),
        "ts": api.dataset.timestamp_ms(99),
        "v": 2,
        "exp": 1_800_000_120_000,
    }


def test_limit_is_capped_silently() -> None:
    page = Api().ask(LIST, params={"limit": 9_999}).json()
    assert page["pagination"]["limit"] == page["meta"]["returned"] == len(page["data"]) == 1_000


@pytest.mark.parametrize("limit", ["0", "-5", "many", ""])
def test_a_limit_that_says_nothing_is_the_default(limit: str) -> None:
    assert Api().ask(LIST, params={"limit": limit}).json()["pagination"]["limit"] == 100


@pytest.mark.parametrize("limit", [1_000, 777, 2_500])
def test_walking_all_cursors_gives_every_event_once_in_order(limit: int) -> None:
    api = Api(page_cap=2_500)
    assert [record["id"] for record in api.walk(LIST, limit=limit)] == api.dataset.ids()


def test_unknown_parameters_of_the_list_are_ignored() -> None:
    api = Api()
    page = api.ask(LIST, params={"since": 1, "until": 2, "offset": 50, "sort": "asc", "fields": "id"}).json()
    assert [record["id"] for record in page["data"]] == api.dataset.ids()[:100]


@pytest.mark.parametrize("index", [0, 9, 999, 1_000, 1_234])
def test_client_built_cursor_goes_on_exactly_behind_its_event(index: int) -> None:
    api = Api()
    for cursor in (api.cursor(index), api.cursor(index).rstrip("="), api.cursor(index).replace("+", "-")):
        page = api.ask(LIST, params={"limit": 3, "cursor": cursor}).json()
        assert [record["id"] for record in page["data"]] == api.dataset.ids()[index + 1 : index + 4]


def test_cursor_below_the_oldest_event_gives_an_empty_page() -> None:
    page = Api().ask(LIST, params={"cursor": encode_cursor(id=str(uuid.uuid4()), ts=5, exp=2**52)}).json()
    assert page["data"] == []
    assert page["pagination"] == {"limit": 100, "hasMore": False, "nextCursor": None, "cursorExpiresIn": None}


def test_cursor_lives_from_the_start_of_its_request() -> None:
    api = Api(cursor_ttl=120)
    cursor = api.ask(LIST).json()["pagination"]["nextCursor"]
    api.now += 119.9
    assert api.ask(LIST, params={"cursor": cursor}).status_code == 200
    api.now += 0.2
    expired = api.ask(LIST, params={"cursor": cursor})
    assert (expired.status_code, expired.json()["code"]) == (400, "CURSOR_EXPIRED")
    assert set(expired.json()) == {"error", "message", "code"}


def test_cursor_expires_by_the_time_the_answer_is_made() -> None:
    api = Api(latency=0.01)
    clock = iter([1_800_000_000.0, 1_800_000_003.2, 1_800_000_003.2])  # asked, answered, ended
    api.simulator.clock = lambda: next(clock)
    assert api.ask(LIST).json()["pagination"]["cursorExpiresIn"] == 116


def test_expired_cursor_may_answer_502() -> None:
    api = Api(expired_status=502)
    assert api.ask(LIST, params={"cursor": api.cursor(5, ttl=-1)}).status_code == 502


@pytest.mark.parametrize("text", ["nonsense", "%%%", "bnVsbA==", "e30=", "eyJpZCI6MX0="])
def test_undecodable_cursor_is_told_from_an_expired_one(text: str) -> None:
    answer = Api().ask(LIST, params={"cursor": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID_FORMAT")
    with pytest.raises(InvalidCursorError):
        decode_cursor(text)


@pytest.mark.parametrize("key", [None, "wrong"])
def test_wrong_key_is_401(key: str | None) -> None:
    answer = Api(rate_limit="1/60").ask(LIST, key=key)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert "X-RateLimit-Limit" not in answer.headers


def test_key_is_taken_from_the_query_too() -> None:
    assert Api().ask(LIST, key=None, params={"api_key": "demo-key"}).status_code == 200


def test_429_has_the_documented_body_and_headers() -> None:
    api = Api(rate_limit="1/60")
    assert api.ask(LIST).headers["X-RateLimit-Remaining"] == "0"
    api.now += 32.5
    refused = api.ask(LIST)
    assert refused.status_code == 429
    body = refused.json()
    assert body.pop("message")
    assert body == {
        "error": "Too Many Requests",
        "code": "RATE_LIMIT_EXCEEDED",
        "rateLimit": {"limit": 1, "remaining": 0, "reset": 28, "retryAfter": 28},
    }
    assert refused.headers["Retry-After"] == refused.headers["X-RateLimit-Reset"] == "28"


def test_head_and_404_use_up_the_limit_of_the_list() -> None:
    api = Api(rate_limit="3/60")
    api.ask(LIST, method="HEAD")
    missing = api.ask(f"{LIST}/guessed")
    assert (missing.status_code, missing.json()["code"]) == (404, "EVENT_NOT_FOUND")
    assert missing.headers["X-RateLimit-Remaining"] == "1"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/nothing"), ("PUT", LIST), ("GET", f"{LIST}/a/b")])
def test_unknown_path_is_404_without_rate_headers(method: str, path: str) -> None:
    answer = Api(rate_limit="3/60").ask(path, method=method)
    assert (answer.status_code, answer.json()["code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert "X-RateLimit-Limit" not in answer.headers


def test_events_are_found_by_id_and_in_bulk() -> None:
    api = Api()
    ids = api.dataset.ids()
    assert api.ask(f"{LIST}/{ids[42]}").json()["data"] == api.dataset.event(42)
    bulk = api.ask(f"{LIST}/bulk", method="POST", json={"ids": [ids[7], str(uuid.uuid4()), ids[3]]}).json()
    assert [record["id"] for record in bulk["data"]] == [ids[7], ids[3]]
    nonsense: tuple[object, ...] = ({}, {"ids": []}, {"ids": ids[:101]}, [1])
    for body in nonsense:
        refused = api.ask(f"{LIST}/bulk", method="POST", json=body)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_BODY")


def test_sessions_metrics_and_totals_answer() -> None:
    api = Api()
    sessions = api.walk("/api/v1/sessions", limit=20)
    assert len({session["id"] for session in sessions}) == len(sessions) == 50
    assert api.ask(f"/api/v1/sessions/{sessions[3]['id']}").json()["data"] == sessions[3]
    assert api.ask("/api/v1/sessions/none").status_code == 404
    metrics = api.ask("/api/v1/metrics").json()
    assert (metrics["data"], metrics["pagination"]["cursorExpiresIn"]) == ([], None)
    assert api.ask("/internal/stats").json()["totals"] == {"events": 2_500, "users": 2, "sessions": 50}
    assert api.ask("/health", key=None).text == "OK"


def test_damaged_envelopes_are_damaged_as_told() -> None:
    def page(kind: str) -> Any:
        api = Api(chaos=f"{kind}=1")
        return api.ask(LIST, params={"limit": 10, "cursor": api.cursor(99)})

    assert page("empty_body").content == b""
    assert page("null_body").json() is None
    assert "pagination" not in page("missing_pagination").json()
    assert set(page("missing_has_more").json()["pagination"]) == {"limit", "nextCursor", "cursorExpiresIn"}
    assert page("missing_pagination").headers["X-Chaos-Applied"] == "missingFields"
    with pytest.raises(ValueError, match="line 1 column"):
        page("cut_json").json()
    for status in ("429", "500", "502", "503", "504"):
        assert page(status).status_code == int(status)
        assert page(status).json()["code"]
    assert page("html_502").headers["Content-Type"] == "text/html"
    assert page("early_end").json()["pagination"]["hasMore"] is False


@pytest.mark.parametrize("kind", ["empty_page", "repeat_page"])
@pytest.mark.parametrize("index", [None, 99])
def test_a_client_that_follows_the_cursor_of_a_damaged_page_loses_nothing(kind: str, index: int | None) -> None:
    api = Api(chaos=f"{kind}=1:1")
    damaged = api.ask(LIST, params={"limit": 10, **({} if index is None else {"cursor": api.cursor(index)})}).json()
    at = 0 if index is None else index + 1
    served = [] if kind == "empty_page" else api.dataset.ids()[max(0, at - 10) : max(10, at)]
    assert [record["id"] for record in damaged["data"]] == served
    after = api.ask(LIST, params={"limit": 10, "cursor": damaged["pagination"]["nextCursor"]}).json()
    begin = 10 if served and index is None else at
    assert [record["id"] for record in after["data"]] == api.dataset.ids()[begin : begin + 10]


def test_cached_answer_may_carry_stale_quota() -> None:
    api = Api(chaos="stale_quota=1", rate_limit="10/60")
    assert Api().ask(LIST).headers["X-Cache"] == "MISS"
    headers = api.ask(LIST).headers
    assert (headers["X-Cache"], headers["X-RateLimit-Remaining"]) == ("HIT", "10")


def test_damaged_records_are_named_in_the_headers_and_the_log() -> None:
    api = Api(chaos="missing_id=1:1,nul=1:2")
    answer = api.ask(LIST, params={"limit": 3})
    assert answer.headers["X-Chaos-Applied"] == "missingFields, nul"
    assert [api.simulator.chaos.record_damage(index) for index in range(3)] == ["missing_id", "nul", None]
    assert "id" not in answer.json()["data"][0]
    assert api.simulator.served.entries()[0].chaos == "missing_id,nul"
