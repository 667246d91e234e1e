import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.model import Chunk
from datasync.pipeline.loops import LoopGuard


def chunk(cursor: str, records: int = 1) -> Chunk:
    return Chunk(records, 1, records, [], cursor, True, None, None, None)


@pytest.mark.fault(11)
@given(before=st.integers(0, 50), length=st.integers(1, 50))
def test_a_circle_is_seen_on_its_first_return(before: int, length: int) -> None:
    guard = LoopGuard()
    pages = 0
    number = 0
    while not guard.returns(chunk(f"c{number}"), None):
        pages += 1
        number = number + 1 if number < before + length - 1 else before
        assert pages <= before + length
    assert pages == before + length


@pytest.mark.fault(11)
def test_a_place_counts_however_its_cursor_is_spelled() -> None:
    guard = LoopGuard()
    assert not guard.returns(chunk("one spelling"), {"id": "a", "ts": 1})
    assert guard.returns(chunk("another"), {"ts": 1, "id": "a"})


def test_a_page_without_records_is_no_return() -> None:
    guard = LoopGuard()
    assert not guard.returns(chunk("a"), None)
    assert not guard.returns(chunk("a", records=0), None)


def test_a_long_feed_takes_no_more_memory() -> None:
    guard = LoopGuard(size=10)
    for number in range(1000):
        assert not guard.returns(chunk(str(number)), None)
    assert len(guard._seen) == 10
