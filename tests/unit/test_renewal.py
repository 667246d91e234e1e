"""Cursors that are written anew where a configuration says how."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.invalid import InvalidSpec
from datasync.config.spec import ColumnSpec, CursorPaging, Renewal, Table, WindowPaging
from datasync.endpoints.base import ByCursor, ByReread
from datasync.endpoints.rest import RestEndpoint
from datasync.errors import PageRepeated
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, Position, Request
from tests.resting import answer, read, rest, turned

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).filter(str.strip)
CONSTANTS = st.integers(-(2**53), 2**53) | st.booleans() | NAMES.filter(lambda text: not text.startswith("$"))


def paging(members: dict[str, str | int | bool], expires: str = "exp") -> CursorPaging:
    renewal = Renewal(members=members, expires=expires, lifetime="10s")
    return CursorPaging(next="next", ttl="1m", expired=("GONE",), renew=renewal)


def endpoint(members: dict[str, str | int | bool], expires: str = "exp", **more: Any) -> RestEndpoint:
    return rest(paging(members, expires), **more)


def built(of: RestEndpoint, position: Position, now_ms: int = 0) -> str:
    assert isinstance(of.reseek, ByCursor)
    return of.reseek.build(position, now_ms)


def chunk(cursor: str | None, key: str | None = None, us: int | None = None) -> Chunk:
    return Chunk(1, 1, 1, [], cursor, True, None, key, us)


@given(
    key=st.text(st.characters(codec="utf-8")) | st.integers(-(2**63), 2**63 - 1),
    ts=st.integers(-(2**53), 2**53),
    names=st.lists(NAMES, min_size=4, max_size=4, unique=True),
    constant=CONSTANTS,
    now=st.integers(0, 2**45),
    urlsafe=st.booleans(),
    padded=st.booleans(),
)
def test_a_place_comes_back_from_the_cursor_that_is_written_for_it(
    key: str | int, ts: int, names: list[str], constant: str | int | bool, now: int, urlsafe: bool, padded: bool
) -> None:
    of = endpoint({names[0]: "$key", names[1]: constant, names[2]: "$timestamp_ms"}, names[3])
    place: Position = {names[0]: key, names[2]: ts}
    cursor = built(of, place, now)
    assert json.loads(base64.b64decode(cursor)) == {
        names[0]: key, names[1]: constant, names[2]: ts, names[3]: now + 10_000
    }  # fmt: skip
    cursor = cursor.translate(str.maketrans("+/", "-_")) if urlsafe else cursor
    assert of.position(chunk(cursor if padded else cursor.rstrip("="), "another", 1)) == place


@given(
    text=st.text(st.characters(codec="utf-8"), max_size=40)
    | st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode())
)
def test_no_cursor_is_too_odd_for_a_place_to_be_told(text: str) -> None:
    of = endpoint({"id": "$key", "ts": "$timestamp_ms"})
    assert of.position(chunk(text, "a", 5_999)) == {"id": "a", "ts": 5}


@pytest.mark.parametrize(
    "inside", [b"[" * 6000, b'{"id":' * 1500, b'{"id":true,"ts":1}', b'{"id":"x","ts":1.5}', b'{"id":null,"ts":1}',
               b'{"id":"x","ts":"soon"}', b'{"id":"\xff","ts":1}', b'{"id":"x","ts":1e400}'],
)  # fmt: skip
def test_a_cursor_that_holds_something_else_is_not_gone_by(inside: bytes) -> None:
    of = endpoint({"id": "$key", "ts": "$timestamp_ms"})
    assert of.position(chunk(base64.b64encode(inside).decode(), "a", 5_999)) == {"id": "a", "ts": 5}


def test_what_a_record_lacks_is_only_missed_where_the_cursor_wants_it() -> None:
    assert endpoint({"id": "$key"}).position(chunk(None, "a", None)) == {"id": "a"}
    assert endpoint({"at": "$timestamp_ms"}).position(chunk(None, None, 5_000)) == {"at": 5}
    assert endpoint({"id": "$key", "at": "$timestamp_ms"}).position(chunk(None, "a", None)) is None


def test_a_key_that_is_a_number_stays_one() -> None:
    of = endpoint({"id": "$key"}, table=Table(columns=(ColumnSpec(name="id", type="bigint", key=True),)))
    assert of.plan.columns == (Column("id", "id", "bigint", key=True, required=True),)
    assert of.position(turned(of, answer({"data": [{"id": 7}], "next": "opaque"}))) == {"id": 7}
    assert json.loads(base64.b64decode(built(of, {"id": 7}))) == {"id": 7, "exp": 10_000}


def test_without_it_nothing_is_known_of_places() -> None:
    of = rest(CursorPaging(next="next", ttl="1m"))
    assert of.reseek == ByReread()
    assert of.position(chunk(base64.b64encode(b'{"id":"a"}').decode(), "a", 5)) is None


@pytest.mark.parametrize("opaque", [False, True])
def test_an_expired_cursor_is_replaced_and_no_page_read_again(opaque: bool) -> None:
    """However often, and although each new cursor is spelled in another way."""
    ids = [f"{number:02}" for number in range(9)]
    strikes = [True, True, False, True, False, False]

    def script(request: Request) -> Answer:
        cursor = request.params.get("cursor")
        if cursor is not None and strikes and strikes.pop(0):
            return answer({"code": "GONE"}, status=400)
        last = None if cursor is None else str(cursor).removeprefix("~")
        if last is not None and last not in ids:
            last = json.loads(base64.b64decode(last))["id"]
        start = 0 if last is None else ids.index(last) + 1
        found = ids[start : start + 2]
        following = f"~{found[-1]}" if opaque else base64.b64encode(json.dumps({"id": found[-1]}).encode()).decode()
        return answer({"data": [{"id": one} for one in found], "next": following if start + 2 < len(ids) else None})

    came = read(endpoint({"id": "$key"}), script)
    assert came.ids == ids
    assert came.checkpoint.complete
    assert not strikes


def test_a_page_that_comes_again_ends_the_run_all_the_same() -> None:
    cursors = iter(range(100))

    def script(_request: Request) -> Answer:
        return answer({"data": [{"id": "a"}, {"id": "b"}], "next": f"~{next(cursors)}"})

    with pytest.raises(PageRepeated):
        read(endpoint({"id": "$key"}), script)


GIVEN: dict[str, Any] = {"members": {"id": "$key"}, "expires": "exp", "lifetime": "10s"}
INNER = CursorPaging(next="n", ttl="2m", renew=Renewal(**GIVEN))
SPANS: dict[str, Any] = {"since_param": "a", "until_param": "b", "start": "2024-01-01"}


@pytest.mark.parametrize(
    ("kind", "values", "key"),
    [
        (CursorPaging, {"next": "n", "renew": Renewal(**GIVEN)}, "renew"),
        (WindowPaging, {**SPANS, "inner": INNER}, "inner.renew"),
        (Renewal, {**GIVEN, "members": {"v": 2, "id": "$keys"}}, 'members."id"'),
        (Renewal, {**GIVEN, "members": {"v": 2, "id": "text"}}, "members"),
        (Renewal, {**GIVEN, "expires": " "}, "expires"),
        (Renewal, {**GIVEN, "expires": "id"}, "expires"),
        (Renewal, {**GIVEN, "lifetime": "soon"}, "lifetime"),
        (Renewal, {**GIVEN, "lifetime": "1s"}, "lifetime"),
        (Renewal, {**GIVEN, "lifetime": "inf"}, "lifetime"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(kind: type[Any], values: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        kind(**values)
    assert caught.value.key == key
