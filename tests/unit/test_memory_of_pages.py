"""What a page is said to cost covers what it takes, however many of its records are refused."""

import tracemalloc

import pytest

from datasync.model import Chunk, Column, EncoderPlan
from datasync.pipeline.lanes import FastLane, Lane, RecordLane
from datasync.pipeline.memory import REJECT, cost, held
from datasync.pipeline.unwrap import csv_records
from datasync.transforms.chain import Chain

PLAN = EncoderPlan(records="", columns=(Column("id", "id", "bigint", required=True, key=True),))
RECORDS = 20_000


def traced(lane: Lane, body: bytes) -> tuple[Chunk, int]:
    """A page, and the bytes of Python objects that are left of it."""
    lane.encode(b"[]", cursor="c", now_us=0)
    tracemalloc.start()
    try:
        chunk = lane.encode(body, cursor="c", now_us=0)
        return chunk, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("record", [b"{}", b"null", b'{"id":"x%d"}', b'{"ID":%d,"name":"abcdefgh","value":1.5}'])
@pytest.mark.parametrize("lane", [FastLane(PLAN), RecordLane(PLAN, Chain([]))], ids=["fast", "record"])
def test_a_page_of_nothing_but_rejects_takes_no_more_than_it_is_said_to_hold(record: bytes, lane: Lane) -> None:
    records = [record % place if b"%" in record else record for place in range(RECORDS)]
    chunk, taken = traced(lane, b"[" + b",".join(records) + b"]")
    assert [reject.raw for reject in chunk.rejects] == records
    assert [reject.index for reject in chunk.rejects] == list(range(RECORDS))
    assert taken <= held(chunk) <= cost(chunk)
    assert held(chunk) <= 2 * taken, "what is said is no wild guess"


def test_equal_reasons_of_a_page_are_one_object() -> None:
    chunk = FastLane(PLAN).encode(b"[{},{},null,{}]", cursor=None, now_us=0)
    assert len({id(reject.detail) for reject in chunk.rejects}) == 2
    assert len({id(reject.code) for reject in chunk.rejects}) == 2
    assert cost(chunk) >= 4 * REJECT


@pytest.mark.parametrize("cell", [b"", b"10", b"some longer text"])
def test_a_page_of_csv_takes_little_more_than_itself_and_its_records(cell: bytes) -> None:
    head = b",".join([b"id", *(b"c%d" % n for n in range(20))])
    body = b"\n".join([head, *(b",".join([b"%d" % n, *[cell] * 20]) for n in range(10_000))])
    unwrap = csv_records(PLAN, None)
    unwrap(head)
    tracemalloc.start()
    found = unwrap(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Its text and the buffer that is read line by line, and what the records have grown by at once.
    assert peak < 5 * len(body) + 1.5 * len(found.records)
