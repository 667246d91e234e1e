"""The answer with a token is data from outside: only one that can be used is, and errors show none of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.config.headers import usable_name, usable_value
from datasync.endpoints.datasync_feed import access_spec
from datasync.errors import (
    AuthError,
    ContractChanged,
    DatasyncError,
    PageDamaged,
    ProxyRefused,
    RateLimited,
    RetriableSourceError,
    ServerError,
)
from datasync.http.access import MAX_BYTES, MAX_LIFETIME, Access, error_code, read_access, shape
from datasync.http.transport import Answer

BASE = "https://api.example.com/api/v1"
TOKEN = "canary-token-7f1e"
GOOD: Mapping[str, Any] = {
    "endpoint": "/api/v1/events/d4ta/x7k9/feed",
    "token": TOKEN,
    "expiresIn": 300,
    "tokenHeader": "X-Stream-Token",
}


def read(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> tuple[Access, list[str]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    learned: list[Secret] = []
    answer = Answer(status, headers or {}, raw, len(raw), 0)
    spec = access_spec(BASE, {})
    found = read_access(answer, spec, where="POST /access", key_source="API_KEY", learn=learned.append)
    return found, [secret.reveal() for secret in learned]


def access(**changes: object) -> dict[str, Any]:
    return {"streamAccess": {**GOOD, **changes}, "meta": {"requestId": "r"}}


def test_token_header_life_and_place_are_read_and_the_token_is_learned() -> None:
    found, learned = read(access())
    assert (found.token.reveal(), found.header, found.lifetime) == (TOKEN, "X-Stream-Token", 300.0)
    assert found.url == "https://api.example.com/api/v1/events/d4ta/x7k9/feed"
    assert learned == [TOKEN]
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": None},
        {"token": ""},
        {"token": 12345678},
        {"token": "short"},
        {"token": f"{TOKEN}\r\nX-Other: 1"},
        {"token": f"{TOKEN}\n"},
        {"token": f"{TOKEN}\u00e9"},
        {"token": f" {TOKEN}"},
        {"token": "canary" * 1000},
        {"token": {"value": TOKEN}},
        {"tokenHeader": None},
        {"tokenHeader": ""},
        {"tokenHeader": "X-Canary: a"},
        {"tokenHeader": "X-Canary\r\nHost"},
        {"tokenHeader": "X Canary"},
        {"tokenHeader": "X-C\u00e4nary"},
        {"tokenHeader": "x" * 200},
        {"tokenHeader": ["X-Canary"]},
        *({"tokenHeader": name} for name in ("Host", "content-length", "Transfer-Encoding", "Connection", "TE")),
        *({"tokenHeader": name} for name in ("Keep-Alive", "Upgrade", "Trailer", "Proxy-Authorization", "Expect")),
        *({"tokenHeader": name} for name in ("Accept-Encoding", "Content-Encoding", "Proxy-Connection")),
        {"expiresIn": None},
        {"expiresIn": "300"},
        {"expiresIn": True},
        {"expiresIn": 0},
        {"expiresIn": 0.5},
        {"expiresIn": -300},
        {"expiresIn": MAX_LIFETIME + 1},
        {"expiresIn": 1_800_000_000_000},  # a moment, not a life
        {"expiresIn": 10**400},
        {"endpoint": None},
        {"endpoint": 5},
        {"endpoint": ""},
        {"endpoint": "/feed?key=canary"},
        {"endpoint": "https://evil.example/canary"},
        {"endpoint": "//evil.example/canary"},
        {"endpoint": "http://api.example.com/canary"},
        {"endpoint": "/\\evil.example/canary"},
        {"endpoint": "/canary\r\n"},
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_without_showing_it(changes: dict[str, object]) -> None:
    with pytest.raises(ContractChanged) as caught:
        read(access(**changes))
    assert "canary" not in f"{caught.value}{caught.value.hint}".lower()


@pytest.mark.parametrize("body", [{}, {"streamAccess": None}, {"streamAccess": [GOOD]}, [], None, 5, "canary"])
def test_an_answer_of_another_shape_is_refused_with_its_shape(body: object) -> None:
    with pytest.raises(ContractChanged, match=r"no usable token at `streamAccess\.token`") as caught:
        read(body)
    assert shape(body) in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>canary", b'{"streamAccess":{"token":"canary', b"\xff\xfe", b"[" * 50_000]
)
def test_an_answer_that_is_no_json_may_be_asked_for_again_and_is_not_shown(body: bytes) -> None:
    with pytest.raises(PageDamaged, match="not JSON") as caught:
        read(body, headers={"content-type": "text/html"})
    assert "text/html" in str(caught.value)
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_an_answer_larger_than_any_token_needs_is_refused() -> None:
    with pytest.raises(ContractChanged, match="larger than"):
        read(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthError),
        (403, AuthError),
        (429, RetriableSourceError),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (407, ProxyRefused),
        (408, ServerError),
        (511, ContractChanged),
        (204, ContractChanged),
        (302, ContractChanged),
        (404, ContractChanged),
        (418, ContractChanged),
    ],
)
def test_each_status_means_one_thing(status: int, error: type[DatasyncError]) -> None:
    body = {"code": "SOME_CODE", "message": TOKEN}
    with pytest.raises(error, match=f"POST /access: .*{status}") as caught:
        read(body, status=status, headers={"location": "https://evil.example/canary"} if status == 302 else None)
    assert "canary" not in f"{caught.value}{caught.value.hint}"
    # The budget of the pages has nothing to do with it.
    assert not isinstance(caught.value, RateLimited)


def test_a_refusal_for_want_of_headers_names_the_setting() -> None:
    with pytest.raises(AuthError, match="403 DASHBOARD_REQUIRED") as caught:
        read({"code": "DASHBOARD_REQUIRED"}, status=403)
    assert "DATASYNC_ACCESS_HEADERS" in str(caught.value.hint)


def test_any_other_refusal_names_the_key_and_the_headers() -> None:
    with pytest.raises(AuthError) as caught:
        read({"code": "UNAUTHORIZED"}, status=401)
    assert "API_KEY" in str(caught.value.hint)
    assert "DATASYNC_ACCESS_HEADERS" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code":"INVALID_STREAM_TOKEN"}', "INVALID_STREAM_TOKEN"),
        (b'{"code":"two words"}', None),
        (b'{"code":"a\\r\\nb"}', None),
        (b'{"code":5}', None),
        (b'{"code":"' + b"a" * 64 + b'"}', None),  # may be a token
        (b"[]", None),
        (b"null", None),
        (b"<html>", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_a_code_is_a_short_word_or_nothing(body: bytes, code: str | None) -> None:
    assert error_code(body, "code") == code


CANARY = "canary0secret"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(CANARY) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["token", "streamAccess", "data", CANARY, "a b"]), inner, max_size=4)
    ),
)


@given(VALUES)
def test_a_shape_holds_no_value_whatever_the_answer_is(value: object) -> None:
    assert CANARY not in shape(value)


@given(body=VALUES, status=st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 429, 500]))
def test_no_answer_crashes_and_no_error_shows_it(body: object, status: int) -> None:
    with pytest.raises(DatasyncError) as caught:
        read(body, status=status)
    assert CANARY not in f"{caught.value}{caught.value.hint}"


@given(name=st.text(max_size=40), value=st.text(max_size=40))
def test_what_counts_as_usable_cannot_split_a_header(name: str, value: str) -> None:
    if usable_name(name) and usable_value(value):
        line = f"{name}: {value}".encode("ascii")
        assert line.splitlines() == [line]
        assert line.partition(b":")[2].strip().decode() == value
