"""A body is taken apart by what it is, not by what it is called, and what stands around the records is read exactly."""

import base64
from typing import Any

import msgspec
import pytest

from datasync.discovery import around, cursors
from datasync.discovery.document import read
from datasync.errors import NotAPage
from datasync.http.transport import Answer

NOW = 1_767_225_600_000_000


def answer(body: bytes = b"", **headers: str) -> Answer:
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, body, len(body), NOW)


@pytest.mark.parametrize(
    ("body", "path", "count"),
    [
        (b'[{"a":1},{"a":2}]', "", 2),
        (b'\xef\xbb\xbf[{"a":1}]', "", 1),
        (b'{"errors":[],"rows":[{"a":1}],"tags":["x","y"]}', "rows", 1),
        (b'{"few":[{"a":1}],"many":[{"a":1},{"a":2}]}', "many", 2),
        (b'{"a":{"b":{"c":[{"x":1}]}}}', "a.b.c", 1),
        (b'{"a":{"b":{"c":{"d":[{"x":1}]}}}}', None, 0),
        (b'{"data":[],"warnings":[]}', "data", 0),
        (b'{"id":1,"tags":[]}', None, 0),
        (b"[]", "", 0),
        (b"[1,2]", None, 0),
        (b"3", None, 0),
    ],
)
def test_records_are_the_root_or_the_largest_array_of_objects(body: bytes, path: str | None, count: int) -> None:
    found = read(body, "application/json")
    assert (found.records_at, len(found.records), found.format) == (path, count, "json")


def test_lines_of_json_and_csv_are_lists_too() -> None:
    assert read(b'{"a":1}\n{"a":2}\n', "text/plain").format == "ndjson"
    found = read(b'id,text\r\n1,"a ""b""\r\nc"\r\n', "text/csv; charset=utf-8")
    assert (found.format, found.records) == ("csv", [{"id": "1", "text": 'a "b"\r\nc'}])


@pytest.mark.parametrize("body", [b"", b"  ", b"<html>", b"<?xml?>", b"hello", b'{"a":', b"\xff", b"[" * 100_000])
def test_what_is_no_list_in_any_form_is_refused(body: bytes) -> None:
    with pytest.raises(NotAPage):
        read(body, "application/json")


@pytest.mark.parametrize(
    ("body", "headers", "wanted"),
    [
        ({"data": [{}], "meta": {"total": 9}}, {}, ("meta.total", 9)),
        ({"data": [{}], "count": 9}, {}, ("count", 9)),
        ({"data": [{}], "count": 1}, {}, None),  # of the page
        ({"data": [{}, {}], "total": 1}, {}, None),  # less than there are
        ({"data": [{}], "total": True}, {}, None),
        ([{}], {"x_total_count": "77"}, ("header:X-Total-Count", 77)),
        ([{}], {"x_total_count": "many"}, None),
    ],
)
def test_a_total_is_a_number_that_can_be_one(
    body: Any, headers: dict[str, str], wanted: tuple[str, int] | None
) -> None:
    raw = msgspec.json.encode(body)
    assert around.total(answer(raw, **headers), read(raw, "application/json")) == wanted


def test_a_cursors_life_is_read_from_where_it_is_told() -> None:
    def told(body: Any, cursor: str | None = None, **headers: str) -> float | None:
        raw = msgspec.json.encode(body)
        found = cursors.declared(answer(raw, **headers), read(raw, "application/json"), cursor)
        return None if found is None else found.seconds

    def packed(**inside: object) -> str:
        return base64.b64encode(msgspec.json.encode(inside)).decode().rstrip("=")

    now = NOW // 1_000_000
    assert told({"data": [], "page": {"cursorExpiresIn": 119}}) == 119
    assert told({"data": []}, x_cursor_ttl="60") == 60
    assert told({"data": []}, packed(exp=(now + 30) * 1000)) == 30
    assert told({"data": []}, packed(exp=now + 30)) == 30
    assert told({"data": []}, f"h.{packed(exp=now + 30)}.s") == 30
    assert told({"data": []}, packed(exp=now - 30)) is None
    assert told({"data": []}, "no base64!") is None
    assert told({"data": []}) is None
