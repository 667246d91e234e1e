"""What Python can't read of a record: no transform and no contract has seen it, so it is not stored."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.model import Chunk, Column, EncoderPlan
from datasync.pipeline.choice import choose
from datasync.transforms.chain import Chain, Transform
from datasync.transforms.contract import contract

COLUMNS = (Column("id", "id", "text", required=True, key=True), Column("email", "email", "text"))
WHOLE = (*COLUMNS, Column("data", "", "jsonb"))
HUGE = "1e1000000000000000000"
LONG = "7" * 4301

hard = st.sampled_from([LONG, f"-{LONG}", f"{LONG}.5", HUGE, f"-{HUGE}", "1e-1000000000000000000", "1e400", "NaN"])
soft = st.one_of(st.integers().map(str), st.text().map(json.dumps), st.just("null"))
values = st.recursive(
    hard | soft,
    lambda one: st.lists(one, max_size=3).map(lambda items: f"[{','.join(items)}]") | one.map('{{"x":{}}}'.format),
    max_leaves=4,
)


def read(columns: tuple[Column, ...], records: list[str], transform: Transform, path: str = "") -> Chunk:
    lane = choose(EncoderPlan(records=path, columns=columns), Chain([("one", transform)]))
    return lane.encode(f"[{','.join(records)}]".encode(), cursor=None, now_us=0)


def masked(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "email": "***"}


@pytest.mark.parametrize("columns", [COLUMNS, WHOLE])
@pytest.mark.parametrize("path", ["", "$[?@.id]"])
@given(found=st.lists(values, max_size=5))
def test_a_record_is_stored_as_transforms_made_it_or_refused(
    columns: tuple[Column, ...], path: str, found: list[str]
) -> None:
    records = [f'{{"id":"{n}","email":"secret","n":{value}}}' for n, value in enumerate(found)]
    chunk = read(columns, records, masked, path)
    assert chunk.rows is not None
    assert {row[1] for row in chunk.rows} <= {"***"}
    assert chunk.row_count + len(chunk.rejects) == len(records)
    assert all(not re.search(r"\b(NaN|1e1000)", records[int(str(row[0]))]) for row in chunk.rows)


def left_out(_record: dict[str, Any]) -> None:
    return None


@pytest.mark.parametrize("transform", [masked, left_out, contract(COLUMNS, "quarantine"), contract(COLUMNS, "freeze")])
def test_a_record_that_no_transform_could_read_is_refused_with_a_code(transform: Transform) -> None:
    chunk = read(COLUMNS, ['{"id":"a"}', f'{{"id":"b","n":{LONG}}}'], transform)
    assert [(reject.index, reject.code) for reject in chunk.rejects] == [(1, "transform_undecodable")]
    assert chunk.last_key != "b"


@pytest.mark.parametrize("path", ["", "$[?@.id]"])
def test_a_number_beyond_all_exponents_refuses_its_record_alone(path: str) -> None:
    chunk = read(WHOLE, ['{"id":"a"}', f'{{"id":"b","n":{HUGE}}}', '{"id":"c"}'], masked, path)
    assert [row[0] for row in chunk.rows or ()] == ["a", "c"]
    assert [(reject.code, HUGE in reject.raw.decode()) for reject in chunk.rejects] == [("number_out_of_range", True)]
    assert msgspec.json.decode(chunk.rejects[0].raw.replace(HUGE.encode(), b"1")) == {"id": "b", "n": 1}
