"""Lists inside of records become rows of their own: in pieces of any size as at once, and with one key for all."""

import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.config.spec import Child, ColumnSpec
from datasync.model import Column, EncoderPlan
from datasync.pipeline import elements
from datasync.pipeline.elements import Elements
from datasync.pipeline.lanes import RecordLane
from datasync.pipeline.memory import cost, held
from datasync.transforms.chain import Chain

PLAN = EncoderPlan(records="", columns=(Column("id", "id", "text", required=True, key=True),))
LINES = Child(table="lines", path="l", columns=(ColumnSpec(name="n", type="bigint"), ColumnSpec(name="s")))

ELEMENT = st.sampled_from([{"n": 1, "s": "a"}, {"n": 10**6}, {"s": "é" * 9}, {}, {"n": "no number"}, 7])
RECORD = st.fixed_dictionaries({}, optional={"l": st.none() | st.just("no list") | st.lists(ELEMENT, max_size=12)})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORD, max_size=6), piece=st.integers(1, 5))
def test_pieces_of_any_size_give_the_same_rows_and_refusals(
    monkeypatch: pytest.MonkeyPatch, records: list[dict[str, Any]], piece: int
) -> None:
    raws, keys = [msgspec.json.encode(record) for record in records], [f"k{n}" for n in range(len(records))]
    monkeypatch.setattr(elements, "PIECE", 10_000)
    whole = Elements(PLAN, LINES).take(raws, keys, now_us=0)
    monkeypatch.setattr(elements, "PIECE", piece)
    assert Elements(PLAN, LINES).take(raws, keys, now_us=0) == whole
    for place, (record, key) in enumerate(zip(records, keys, strict=True)):
        found = record.get("l") or []
        if place not in whole.refused:
            assert [row[:2] for row in whole.rows[place]] == [(key, n) for n in range(len(found))]


def test_a_long_key_is_there_once_and_not_with_each_element() -> None:
    key = "k" * 1000
    raw = msgspec.json.encode({"id": key, "l": [{"n": n} for n in range(25_000)]})
    made = Elements(PLAN, LINES)
    tracemalloc.start()
    taken = made.take([raw], [key], now_us=0)
    current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {id(row[0]) for row in taken.rows[0]} == {id(key)}
    assert current < 10_000_000 < 25_000 * len(key)
    assert peak < 2 * len(key) * elements.PIECE + 25_000 * 1000


@pytest.mark.parametrize("element", [{"n": 1}, {"n": 10**12, "s": "some text"}])
def test_what_elements_take_of_memory_is_part_of_the_pages_cost(element: dict[str, Any]) -> None:
    lane = RecordLane(PLAN, Chain([]), elements=[Elements(PLAN, LINES)])
    body = msgspec.json.encode([{"id": f"k{n}", "l": [element] * 100} for n in range(200)])
    tracemalloc.start()
    chunk = lane.encode(body, cursor=None, now_us=0)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(chunk.children[0].rows) == 20_000
    assert taken <= held(chunk) <= cost(chunk)
