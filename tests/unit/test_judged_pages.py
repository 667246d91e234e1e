"""Lines and CSV: a page without any record of ours is a message, and no page; bad records are still bad records."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.errors import PageDamaged
from datasync.model import Chunk, Column, EncoderPlan
from datasync.pipeline.choice import choose
from datasync.pipeline.lanes import Lane
from datasync.transforms.chain import Chain

ID = Column("id", "id", "text", required=True, key=True)
N = Column("n", "n", "bigint")
DATA = Column("data", "", "jsonb")
LINES = EncoderPlan(records="", columns=(ID, N, DATA), format="ndjson")
CSV = EncoderPlan(records="", columns=(ID, N), format="csv")

SAME = Chain([("same", lambda record: record)])
MADE = Chain([("made", lambda record: {"id": record["key"]})])
PICKY = Chain([("picky", lambda record: record if record.get("kind") == "x" else None)])


def encode(lane: Lane, page: bytes | Sequence[Any]) -> Chunk:
    body = page if isinstance(page, bytes) else b"\n".join(map(msgspec.json.encode, page))
    return lane.encode(body, cursor=None, now_us=0)


words = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
strangers = st.dictionaries(st.sampled_from(["error", "code", "message", ""]), words, max_size=3)
messages = st.lists(words | strangers | st.lists(words, max_size=2), min_size=1, max_size=4)
prose = st.text(st.characters(exclude_characters='{"\\', codec="utf-8"), min_size=1).map(str.encode)


@pytest.mark.parametrize("chain", [None, SAME, MADE])
@given(message=messages | prose.filter(bytes.strip))
def test_lines_without_a_record_of_ours_are_no_page(chain: Chain | None, message: bytes | Sequence[Any]) -> None:
    with pytest.raises(PageDamaged):
        encode(choose(LINES, chain), message)


@pytest.mark.parametrize("chain", [None, SAME])
@given(
    st.lists(st.sampled_from([{"id": ""}, {"id": None}, {"id": "a\0"}, {"id": "a", "n": "x"}]), min_size=1, max_size=3),
    st.lists(strangers, max_size=3),
)
def test_bad_records_among_them_make_it_a_page_and_go_to_quarantine(
    chain: Chain | None, bad: list[Any], others: list[Any]
) -> None:
    chunk = encode(choose(LINES, chain), [*others, *bad])
    assert (chunk.row_count, len(chunk.rejects)) == (0, len(others) + len(bad))


@given(st.lists(strangers, max_size=3), st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_a_record_that_is_stored_makes_it_a_page(others: list[Any], ids: list[int]) -> None:
    chunk = encode(choose(LINES, None), [*others, *({"id": str(one)} for one in ids)])
    assert (chunk.row_count, len(chunk.rejects)) == (len(ids), len(others))


def test_what_transforms_leave_out_is_believed_until_other_names_have_come() -> None:
    lane = choose(LINES, PICKY)
    assert encode(lane, [{"other": 1}]).dropped == 1
    assert encode(lane, [{"id": "a", "kind": "x"}]).row_count == 1
    assert encode(lane, [{"kind": "y"}, {"strange": 2}]).dropped == 2
    for message in ([{"error": "overloaded"}], [{"code": 5}, "x"]):
        with pytest.raises(PageDamaged):
            encode(lane, message)


def test_names_that_transforms_make_columns_of_are_known_once_they_have_come() -> None:
    lane = choose(LINES, MADE)
    assert encode(lane, [{"key": "a", "note": 1}]).row_count == 1
    assert [reject.code for reject in encode(lane, [{"note": 1}]).rejects] == ["transform_failed"]


def test_of_columns_that_require_nothing_a_record_names_one() -> None:
    free = choose(EncoderPlan(records="", columns=(N,), format="ndjson"), None)
    assert len(encode(free, [{"n": "x"}]).rejects) == 1
    with pytest.raises(PageDamaged):
        encode(free, [1])


@pytest.mark.parametrize("message", [b"error,code\noverloaded,5\n", b"overloaded\n", b"error\nx\ny\n"])
def test_a_message_is_no_csv_where_transforms_make_the_columns(message: bytes) -> None:
    lane = choose(CSV, MADE)
    if message.count(b"\n") > 1:  # without rows it may be an empty list, as far as is known by now
        with pytest.raises(PageDamaged):
            encode(lane, message)
    assert encode(lane, b"key,n\na,5\n").row_count == 1
    with pytest.raises(PageDamaged):
        encode(lane, message)
    assert encode(lane, b"key,n\n").records == 0
    assert encode(lane, b"key,more\nb,5\n").row_count == 1


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("chain", [None, SAME])
def test_lines_without_any_are_a_page_without_records(chain: Chain | None, body: bytes) -> None:
    lane = choose(LINES, chain)
    assert lane.peek(body) == (None, None)
    assert (encode(lane, body).records, encode(lane, body).row_count) == (0, 0)
