"""A cursor is explained whole, by what its page ends with, or not at all."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from datasync.config.spec import Renewal
from datasync.discovery import columns, renewal
from datasync.discovery.document import read
from datasync.discovery.findings import CursorFound, Findings, ParameterFound
from datasync.discovery.prober import Seen
from datasync.http.transport import Answer

NOW_MS = 1_767_225_600_000
ENDS = NOW_MS + 120_000
SAID = Renewal(members={"k": "$key", "t": "$timestamp_ms"}, expires="exp", lifetime="110s")


def page(number: int, cursor: Any, **headers: str) -> Seen:
    """A page that ends with the record of this number."""
    text = cursor if cursor is None or isinstance(cursor, str) else encoded(cursor)
    record = {"id": number, "created_at": NOW_MS - number, "updated_at": (NOW_MS - 3 * number) / 1000}
    body = json.dumps({"data": [{**record, "id": -number}, record], "next": text}).encode()
    answer = Answer(200, headers, body, len(body), NOW_MS * 1000)
    return Seen({}, answer, read(body, "application/json"), ids=(f"{-number}", f"{number}"))


def encoded(token: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(token).encode()).decode()


def token(number: int, **more: Any) -> dict[str, Any]:
    return {"k": number, "t": NOW_MS - number, "exp": ENDS, **more}


def explained(*pages: Seen, found: Findings | None = None) -> Renewal | None:
    found = found or Findings("https://h/l", 9, key="id", cursor=CursorFound(120.0, "so"))
    records = [record for one in pages if one.document for record in one.document.records]
    found.columns = columns.infer(records, NOW_MS * 1000)
    return renewal.explain(found, pages, "next")


def test_what_every_page_ends_with_and_what_never_changes_is_all_there_is() -> None:
    assert explained(page(5, token(5)), page(6, token(6))) == SAID
    constants = {"v": 2, "s": "text", "b": True, "n": 0}
    found = explained(page(5, token(5, **constants)), page(6, token(6, **constants)))
    assert found is not None
    assert found.members == {**SAID.members, **constants}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"sig": "ab"}, {"sig": "cd"}),
        ({"v": True}, {"v": 1}),
        ({"v": None}, {"v": None}),
        ({"v": 1.5}, {"v": 1.5}),
        ({"v": {"a": 1}}, {"v": {"a": 1}}),
        ({"v": "$key"}, {"v": "$key"}),
        ({"v": "$x"}, {"v": "$x"}),
        ({"iat": NOW_MS // 1000}, {"iat": NOW_MS // 1000}),
        ({"iat": NOW_MS}, {"iat": NOW_MS}),
        ({"iat": "2026-01-01T00:00:00Z"}, {"iat": "2026-01-01T00:00:00Z"}),
        ({"expiry": 7}, {"expiry": 7}),
        ({"expiry": ENDS}, {"expiry": ENDS}),
        ({"v": 2}, {}),
        ({}, {"v": 2}),
        ({"k": "5"}, {"k": "6"}),
        ({"t": (NOW_MS - 5) / 1000}, {"t": (NOW_MS - 6) / 1000}),
        ({"exp": ENDS // 1000}, {"exp": ENDS // 1000}),
        ({"exp": float(ENDS)}, {"exp": float(ENDS)}),
        ({"exp": str(ENDS)}, {"exp": str(ENDS)}),
        ({"exp": True}, {"exp": True}),
        ({"exp": NOW_MS}, {"exp": NOW_MS}),
        ({"exp": NOW_MS + 2000}, {"exp": ENDS}),
        ({"exp": NOW_MS * 2}, {"exp": NOW_MS * 2}),
    ],
    ids=repr,
)
def test_one_member_that_is_not_explained_leaves_all_of_it_unexplained(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    assert explained(page(5, token(5, **one)), page(6, token(6, **other))) is None


@pytest.mark.parametrize(
    "cursor",
    ["opaque", 7, [1], encoded({"k": 7})[:-3] + "!", "aGVhZA.eyJrIjo1fQ.c2ln", base64.b64encode(b"[" * 6000).decode()],
    ids=["opaque", "number", "array", "no base64", "three parts", "deep"],
)
def test_a_cursor_that_is_no_object_in_base64_is_not_explained(cursor: Any) -> None:
    odd = page(7, None)
    body = json.dumps({"data": [{"id": 7}], "next": cursor}).encode()
    assert odd.answer is not None
    odd = Seen({}, odd.answer, read(body, "application/json"), ids=("7",))
    assert explained(page(5, token(5)), page(6, token(6)), odd) is None


def test_pages_of_two_places_are_needed_and_a_last_page_says_nothing() -> None:
    assert explained(page(5, token(5)), page(5, token(5))) is None
    assert explained(page(5, token(5)), page(6, None)) is None
    assert explained(page(5, token(5)), page(6, token(6)), page(7, None), Seen({}, failure="status 500")) == SAID
    assert explained() is None


def test_an_expiry_and_constants_alone_tell_no_place() -> None:
    assert explained(page(5, {"v": 1, "exp": ENDS}), page(6, {"v": 1, "exp": ENDS})) is None


def test_how_long_is_told_by_the_servers_clock() -> None:
    date = "Thu, 01 Jan 2026 00:01:00 GMT"  # a minute ahead of ours
    found = explained(page(5, token(5), date=date), page(6, token(6), date=date))
    assert found is not None
    assert found.lifetime == "55s"


def test_a_shorter_life_that_was_told_or_seen_counts() -> None:
    found = Findings("https://h/l", 9, key="id", cursor=CursorFound(60.0, "so"))
    said = explained(page(5, token(5)), page(6, token(6)), found=found)
    assert said is not None
    assert said.lifetime == "55s"
    found.cursor = None
    assert explained(page(5, token(5)), page(6, token(6)), found=found) is None


def test_a_time_that_a_run_would_not_go_by_explains_nothing() -> None:
    """Where a run can't read a cursor it takes the first timestamp, or that of `incremental`."""
    pages = [page(number, token(number, t=NOW_MS - 3 * number)) for number in (5, 6)]
    found = Findings("https://h/l", 9, key="id", cursor=CursorFound(120.0, "so"))
    assert explained(*pages, found=found) is None
    found.parameters = (ParameterFound("since", "1", "honoured", column="updated_at"),)
    assert explained(*pages, found=found) == SAID


def test_without_a_key_column_no_member_is_the_key() -> None:
    found = Findings("https://h/l", 9, cursor=CursorFound(120.0, "so"))
    assert explained(page(5, token(5)), page(6, token(6)), found=found) is None
