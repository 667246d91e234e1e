"""The native encoder does what `tests.reference` does, and refuses what PostgreSQL would refuse."""

import gzip
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync._native import (
    COPY_HEADER,
    COPY_TRAILER,
    EncodedPage,
    PageEncoder,
    PageError,
    PlanError,
    build_info,
    inflate,
)
from tests.page_cases import ENVELOPES, GOOD, RECORDS, page
from tests.page_same import NOW_US, encoder, same


@pytest.mark.fault(20, 23)
@pytest.mark.parametrize("record", RECORDS)
def test_each_record_is_encoded_or_refused_as_by_the_reference(record: bytes) -> None:
    same(page(GOOD, record, GOOD))


@pytest.mark.parametrize("body", ENVELOPES)
def test_each_envelope_is_read_or_refused_as_by_the_reference(body: bytes) -> None:
    same(body)


@pytest.mark.parametrize("body", [*ENVELOPES, page(*RECORDS, rest=b',"pagination":{"nextCursor":"c","hasMore":true}')])
def test_what_is_peeked_is_what_the_whole_page_says(body: bytes) -> None:
    def said(read: Callable[[], tuple[str | None, bool | None]]) -> object:
        try:
            return read()
        except PageError as error:
            return error.code, error.offset

    def whole() -> tuple[str | None, bool | None]:
        encoded = encoder().encode(body, now_us=NOW_US)
        return encoded.next_cursor, encoded.has_more

    assert said(lambda: encoder().peek(body)) == said(whole)


@given(st.lists(st.sampled_from(RECORDS), max_size=12))
def test_any_mix_of_records_is_encoded_as_by_the_reference(records: list[bytes]) -> None:
    same(page(*records, rest=b',"pagination":{"nextCursor":"c"}'))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.sampled_from(["id", "type", "timestamp", "properties", "page"]) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=4), st.booleans(), st.sampled_from([None, 1]))
def test_any_json_is_encoded_as_by_the_reference(records: list[object], escape: bool, indent: int | None) -> None:
    same(json.dumps({"data": records}, ensure_ascii=escape, indent=indent).encode(errors="surrogatepass"))


@given(st.data())
def test_any_damage_is_treated_as_by_the_reference(data: st.DataObject) -> None:
    body = bytearray(page(*data.draw(st.lists(st.sampled_from(RECORDS), max_size=3)), rest=b',"meta":{"total":7}'))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\xff", b"\x00", b"0", b" ", b"\\u"]
            )
        )
    same(bytes(body))


@pytest.mark.fault(5)
def test_a_truncated_page_is_never_taken_for_a_whole_one() -> None:
    body = page(*RECORDS, rest=b',"pagination":{"nextCursor":"c","hasMore":true}')
    for end in range(1, len(body)):
        with pytest.raises(PageError) as caught:
            encoder().encode(body[:end], now_us=NOW_US)
        assert caught.value.code == "syntax"
        assert 0 <= caught.value.offset <= end


def test_the_record_goes_into_jsonb_byte_for_byte() -> None:
    record = b'{ "id":"a",  "n":[18446744073709551616, 1.10, 1.000000000000000005, -0],"id":"a"}'
    assert record in bytes(encoder().encode(page(record), now_us=NOW_US))


@pytest.mark.fault(23)
def test_a_number_just_as_large_as_numeric_takes_is_accepted_and_one_more_digit_refused() -> None:
    for number in (b"1" * 131_072, b"0." + b"1" * 16_383):
        same(page(b'{"id":"a","x":%b}' % number))
        same(page(b'{"id":"a","x":%b1}' % number))
        assert encoder().encode(page(b'{"id":"a","x":%b}' % number), now_us=NOW_US).rows == 1


@pytest.mark.fault(23)
def test_nesting_of_a_million_levels_exhausts_nothing() -> None:
    deep = b"[" * 1_000_000 + b"]" * 1_000_000
    result = encoder().encode(page(b'{"id":"a","x":%b}' % deep, GOOD, rest=b',"x":' + deep), now_us=NOW_US)
    assert [reject.code for reject in result.rejects] == ["too_deep"]
    assert result.rows == 1


def test_the_buffer_is_a_read_only_view_that_keeps_the_page_alive() -> None:
    view = memoryview(encoder().encode(page(GOOD), now_us=NOW_US))
    assert view.readonly
    assert view.contiguous
    assert view.format == "B"
    assert bytes(view[:2]) == b"\x00\x06"
    with pytest.raises(TypeError):
        view[0] = 1
    assert len(memoryview(encoder().encode(page(), now_us=NOW_US))) == 0


def test_the_header_and_trailer_are_those_of_copy_binary() -> None:
    assert b"PGCOPY\n\xff\r\n\x00" + bytes(8) == COPY_HEADER
    assert COPY_TRAILER == b"\xff\xff"


def test_extract_takes_exactly_one_value_and_leaves_whitespace_around_it_out() -> None:
    records = [b" " + GOOD + b"\n", GOOD + b" x", b"", b" ", GOOD[:-1], b"\xef\xbb\xbf" + GOOD, GOOD + GOOD]
    rows = encoder().extract(records, now_us=NOW_US)
    assert rows.indexes == [0]
    assert rows.rows == [
        ("a", "click", 1_769_541_612_369_000, "/home", '{"page":"/home"}', GOOD.decode()),
    ]
    assert [reject.code for reject in rows.rejects] == ["syntax"] * 4 + ["not_an_object", "syntax"]
    assert [reject.raw for reject in rows.rejects] == records[1:]


def test_a_page_error_says_what_and_where() -> None:
    with pytest.raises(PageError, match=r"at byte 12 \(syntax\)") as caught:
        encoder().encode(b'{"data":[1  }', now_us=NOW_US)
    assert (caught.value.code, caught.value.offset) == ("syntax", 12)
    assert isinstance(caught.value, ValueError)


def test_a_reject_shows_nothing_of_the_record() -> None:
    [reject] = encoder().encode(page(b'{"id":5,"password":"hunter2"}'), now_us=NOW_US).rejects
    assert "hunter2" not in repr(reject) + reject.detail
    assert reject.detail == "column `id`: a value of another type"


def test_nothing_handed_out_can_be_changed() -> None:
    result = encoder().encode(page(b"5"), now_us=NOW_US)
    with pytest.raises(AttributeError):
        result.rows = 7  # type: ignore[misc]  # that it can't be set is the point
    with pytest.raises(AttributeError):
        result.rejects[0].code = "x"  # type: ignore[misc]  # that it can't be set is the point


@pytest.mark.parametrize(
    "plan",
    [
        b"",
        b"[]",
        b'{"records":"data","columns":[]}',
        b'{"records":"data","columns":[{"name":"a","path":"a","kind":"int"}]}',
        b'{"records":"data","columns":[{"name":"a","path":"a","kind":"text","timestamp":{}}]}',
        b'{"records":"data","columns":[{"name":"a","path":".a","kind":"text"}]}',
        b'{"records":"data","columns":[{"name":"a","path":"a","kind":"text"}],"unknown":1}',
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(plan: bytes) -> None:
    with pytest.raises(PlanError):
        PageEncoder(plan)


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (gzip.compress(bytes(1001)), "gzip", "inflate_limit"),
        (gzip.compress(bytes(3 << 20)), "gzip", "inflate_ratio"),
        (gzip.compress(b"x")[:-1], "gzip", "inflate_truncated"),
        (gzip.compress(b"x") + b"x", "gzip", "inflate_corrupt"),
        (b"x", "br", "inflate_unknown_encoding"),
    ],
    ids=["limit", "ratio", "cut", "more", "unknown"],  # gzip writes down when it was made
)
def test_a_body_that_cannot_be_inflated_whole_is_refused(body: bytes, encoding: str, code: str) -> None:
    twice = gzip.compress(bytes(1000)) + gzip.compress(b"")
    assert inflate(twice, "gzip", max_bytes=1000, max_ratio=1) == bytes(1000)
    with pytest.raises(PageError) as caught:
        inflate(body, encoding, max_bytes=1000 if len(body) < 1000 else 1 << 30, max_ratio=100)
    assert caught.value.code == code


def test_threads_may_share_an_encoder() -> None:
    shared, body = encoder(), page(*[GOOD] * 2000, *RECORDS)
    results: list[EncodedPage] = []

    def work() -> None:
        results.extend(shared.encode(body, now_us=NOW_US) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({bytes(result) for result in results}) == 1
    assert len(results) == 20


def test_the_build_says_what_it_is() -> None:
    info = build_info()
    assert info["profile"] in ("release", "debug")
    assert {"version", "target", "pyo3", "abi3"} <= info.keys()


PANIC = """
import asyncio, sys
from datasync import _native, failpoints
failpoints.arm(sys.argv[1])
encoder = _native.PageEncoder(b'{"records":"data","columns":[{"name":"id","path":"id","kind":"text"}]}')
reader = _native.TimestampReader(b"{}")
body = b'{"data":[{"id":"hunter2"}]}'
for call in (
    lambda: encoder.encode(body, now_us=0),
    lambda: encoder.split(body),
    lambda: encoder.extract([body], now_us=0),
    lambda: _native.SortedRows([]),
    lambda: _native.inflate(body, "gzip", max_bytes=1, max_ratio=1),
    lambda: reader.read("hunter2", 0),
    lambda: reader.read_many(["hunter2"], 0),
):
    try:
        call()
    except Exception as error:
        assert type(error) is _native.CorePanic, error
        print(error)
"""


@pytest.mark.fault(61)
def test_a_panic_of_the_core_is_an_exception_that_shows_no_data() -> None:
    points = ["encode", "split", "extract", "sort", "inflate", "timestamp", "timestamps"]
    done = subprocess.run(
        [sys.executable, "-c", PANIC, ",".join(f"native_{point}=panic" for point in points)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"failed in `(\w+)` at rust/python/src/failpoints.rs:\d+", done.stdout) == points
    assert "hunter2" not in done.stdout
    assert done.stderr == ""
