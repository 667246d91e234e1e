"""What is read out of COPY BINARY is what the record lane has, for every kind and to the last digit."""

import json
from decimal import Decimal
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.model import Column, EncoderPlan, Kind
from datasync.pipeline.lanes import FastLane, RecordLane
from datasync.sinks.tuples import ZEROS, plain, rows_of

NOW_US = 1_769_600_000_000_000
KINDS: tuple[Kind, ...] = get_args(Kind)
PLAN = EncoderPlan(
    records="",
    columns=(
        Column("id", "id", "text", required=True, key=True),
        *(Column(kind, f'["{kind}"]', kind, mismatch="null") for kind in KINDS),
    ),
)
FAST = FastLane(PLAN)
RECORD = RecordLane(PLAN, lambda raw: raw)

whole = st.integers(-(2**63), 2**63 - 1).map(str)
numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.tuples(st.integers(-(10**60), 10**60), st.integers(-200, 200)).map(lambda pair: f"{pair[0]}e{pair[1]}"),
    st.sampled_from(["1e131071", "-1.5e131000", "1e-16383", "1.50e-200", "1e100", "1e101", f"1{'0' * 300}", "9" * 300]),
    st.sampled_from(
        ["0", "-0", "-0.000", "1.10", "10000", "9999.9999", "1e-4", "0.00001", "100000000e-8", "1.50E3", "0e5"]
    ),
)
values: dict[Kind, st.SearchStrategy[str]] = {
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(json.dumps),
    "json": numbers,
    "jsonb": numbers.map(lambda number: f'{{"a" :\n [{number}, "\\u00e9"]}}'),
    "timestamptz": st.datetimes(timezones=st.just(__import__("datetime").UTC)).map(
        lambda at: json.dumps(at.isoformat())
    ),
    "date": st.dates().map(lambda day: json.dumps(day.isoformat())),
    "bigint": whole,
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "numeric": numbers,
    "double precision": st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(repr), st.just('"-Infinity"')),
    "boolean": st.sampled_from(["true", "false"]),
    "uuid": st.uuids().map(lambda one: json.dumps(str(one))),
    "bytea": st.binary().map(lambda raw: json.dumps(__import__("base64").b64encode(raw).decode())),
    "text[]": st.lists(st.none() | st.text("aé\n")).map(json.dumps),
}
fields = st.fixed_dictionaries({}, optional=dict(values))
records = fields.map(lambda found: ",".join(['"id": "x"', *(f"{json.dumps(kind)}: {found[kind]}" for kind in found)]))


@given(found=st.lists(records, max_size=4))
def test_both_lanes_have_the_same_values(found: list[str]) -> None:
    body = f"[{','.join(f'{{{one}}}' for one in found)}]".encode()
    fast = FAST.encode(body, cursor=None, now_us=NOW_US)
    record = RECORD.encode(body, cursor=None, now_us=NOW_US)
    ours, theirs = rows_of(fast, PLAN.columns), rows_of(record, PLAN.columns)
    assert list(ours) == list(theirs)
    assert len(ours) == len(found)
    assert [tuple(map(type, row)) for row in ours] == [tuple(map(type, row)) for row in theirs]
    at = 1 + KINDS.index("numeric")
    for one, other in zip(ours, theirs, strict=True):
        if one[at] is not None:
            assert plain(one[at]) == plain(other[at])  # type: ignore[arg-type]  # a Decimal


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.10", "1.10"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("1e5", "100000"),
        ("1.5e-7", "0.00000015"),
        ("18446744073709551616", "18446744073709551616"),
        ("-12345.678901", "-12345.678901"),
        ("1e100", f"1{'0' * 100}"),
        ("12e131070", "1.2E+131071"),
        ("1.50e-200", "1.50E-200"),
        ('"NaN"', None),
    ],
)
def test_numbers_are_written_as_postgresql_writes_them(written: str, text: str | None) -> None:
    chunk = FAST.encode(f'[{{"id":"a","numeric":{written}}}]'.encode(), cursor=None, now_us=NOW_US)
    value = rows_of(chunk, PLAN.columns)[0][1 + KINDS.index("numeric")]
    assert (None if value is None else plain(value)) == text  # type: ignore[arg-type]  # a Decimal


@given(written=numbers, fast=st.booleans())
def test_no_number_is_written_much_longer_than_it_came_and_each_is_json_of_the_same_value(
    written: str, fast: bool
) -> None:
    lane = FAST if fast else RECORD
    chunk = lane.encode(f'[{{"id":"a","numeric":{written}}}]'.encode(), cursor=None, now_us=NOW_US)
    value = rows_of(chunk, PLAN.columns)[0][1 + KINDS.index("numeric")]
    if value is None:
        return  # beyond what PostgreSQL takes
    assert isinstance(value, Decimal)
    text = plain(value)
    assert len(text) <= len(written) + ZEROS + 10
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == Decimal(written)
    assert len(value.as_tuple().digits) <= len(written) + 4, "nor held so"


def test_a_page_without_rows_has_none() -> None:
    assert list(rows_of(FAST.encode(b"[]", cursor=None, now_us=NOW_US), PLAN.columns)) == []
    assert list(rows_of(msgspec.structs.replace(FAST.encode(b"[]", cursor=None, now_us=NOW_US), copy=None), ())) == []
