"""Any plan does to any page what `tests.reference` does with it, on both lanes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from datasync._native import PageEncoder, PlanError
from datasync.model import Column, EncoderPlan
from datasync.timestamps import Sentinels, TimestampPolicy
from tests.page_same import same

# JSON as text, so that every spelling can be written.
VALUES: dict[str, list[str]] = {
    "text": ['"x"', '""', '"\\u00e4\\n"', '"äöü"', "5", "true", '{"a":1}'],
    "json": ["1", "[1, 2]", '{ "a" : 1 }', '"x"'],
    "jsonb": ["1.10", "[1, 2]", '{ "a" : 1 }', "false"],
    "timestamptz": [
        '"2024-01-15T10:30:00Z"',
        "1705314600",
        "1705314600123",
        '"2024-01-15T10:30:00"',
        '"2024-01-15"',
        '""',
        "0",
        '{"$date":"2024-01-15T10:30:00Z"}',
        '{"seconds":1705314600,"nanos":1500}',
        "[2024]",
        '"2024-01-15T10:30:00.1234567+01:00[Europe/Paris]"',
        '"1.7053146e9"',
    ],
    "date": ['"2024-02-29"', '"2023-02-29"', '"0001-01-01"', '"9999-12-31"', '"2024-01-15T00:00:00Z"', "20240115"],
    "bigint": [
        "0",
        "-5",
        '"7"',
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e3",
        "5.0",
        "5.5",
    ],
    "integer": ["2147483647", "2147483648", "-2147483648", '"-1"', "1e-1", '"x"', '"0x1"', "10e-1", "1e99999"],
    "double precision": ["0.1", "-0", "1e308", "1e309", "1e-400", "5e-324", '"NaN"', '"-Infinity"', '"1.5"', "1" * 400],
    "numeric": [
        "1.50",
        "-0",
        "0.000",
        "1e20",
        "1e-20",
        "123456789.000100",
        '"10000"',
        "99999999999999999999.5",
        '"NaN"',
    ],
    "boolean": ["true", "false", '"true"', "1"],
    "uuid": [
        '"018d0e2a-7c40-7abc-8def-0123456789ab"',
        '"{018D0E2A7C407ABC8DEF0123456789AB}"',
        '"018d0e2a"',
        "5",
    ],
    "bytea": ['"Zm9v"', '"-_-_"', '"Zg"', '"Zg=="', '""', '"Z"', '"+_AA"', '"Zh=="', "[]"],
    "text[]": ["[]", '["a",null,"\\u00e4"]', '["a", 5]', '[["a"]]', '"a"', "[ null ]", "[ ]"],
}
KINDS = st.sampled_from(list(VALUES))
PATHS = st.sampled_from(["", "a", "b", "a.b", "a[0]", "a[1].b", '["a.b"]', "b.a.b", '["\\u00e4"]'])
POLICIES = st.sampled_from(
    [
        None,
        TimestampPolicy(assume_tz="Europe/Paris", date_only="midnight"),
        TimestampPolicy(unit="s", sentinels=Sentinels(empty="null", unix_epoch="null")),
        TimestampPolicy(fraction="round", sentinels=Sentinels(empty="quarantine")),
    ]
)
SCALARS = st.sampled_from(["null", "{}", "[]"] + [value for values in VALUES.values() for value in values])


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in members) + "}"


def _array(items: list[str]) -> str:
    return "[" + " , ".join(items) + "]"


KEYS = st.sampled_from(["a", "b", "a.b", "ä", "key", "other"])
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(st.tuples(KEYS, inner), max_size=4).map(_object), st.lists(inner, max_size=3).map(_array)
    ),
    max_leaves=8,
)
RECORDS = st.one_of(
    st.lists(st.tuples(KEYS, NESTED), max_size=6).map(_object), st.sampled_from(["5", "null", "[]", '{"a"'])
)


@st.composite
def columns(draw: st.DrawFn) -> tuple[Column, ...]:
    out: list[Column] = []
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["text", "bigint", "integer", "uuid"]))
        out.append(Column("key", draw(st.sampled_from(["key", "a", "a.b"])), kind, key=True))  # type: ignore[arg-type]  # drawn from kinds
    for number in range(draw(st.integers(1, 5))):
        kind = draw(KINDS)
        source = draw(st.sampled_from(["record"] * 6 + ["rest", "constant", "ingest_time"]))
        if (source == "rest" and kind not in ("json", "jsonb")) or (source == "ingest_time" and kind != "timestamptz"):
            source = "record"
        fields: dict[str, Any] = {"required": draw(st.integers(0, 4)) == 0, "source": source}
        fields["mismatch"] = draw(
            st.sampled_from(["quarantine", "null", *(["text"] if kind in ("text", "text[]") else [])])
        )
        if kind == "timestamptz":
            fields["timestamp"] = draw(POLICIES)
        if source == "constant":
            fields["constant"] = draw(st.sampled_from(["null", *VALUES[kind]]))
        path = draw(PATHS) if source == "record" else ""
        out.append(Column(f"c{number}", path, kind, **fields))  # type: ignore[arg-type]  # drawn from kinds
    return tuple(out)


def follows(plan: EncoderPlan) -> bool:
    """Whether the plan can be followed: constants may not fit their columns."""
    try:
        PageEncoder(msgspec.json.encode(plan))
    except PlanError:
        return False
    return True


SHAPES = {
    "data": '{{"data":{},"next":"c"}}',
    "": " {} ",
    "a.b[1].c": '{{"a":{{"b":[0,{{"c":{}}},{{}}]}},"next":5}}',
    "[1]": "[[1], {}]",
    '["x.y"]': '{{"x.y":[],"x.y":{}}}',
}


@given(columns(), st.lists(RECORDS, max_size=4), st.sampled_from(list(SHAPES)))
def test_any_plan_does_to_any_page_what_the_reference_does(
    columns: tuple[Column, ...], records: list[str], path: str
) -> None:
    plan = EncoderPlan(path, columns, next_cursor="next" if path[:1] not in ("", "[") else None, max_key_bytes=12)
    assume(follows(plan))
    same(SHAPES[path].format(_array(records)).encode(), plan)


@given(
    columns(),
    st.lists(RECORDS | st.sampled_from(["", " ", "\r", '{"a":"', "{} x", '{"a":\xff}']), max_size=5),
    st.booleans(),
)
def test_any_plan_does_to_any_lines_what_the_reference_does(
    columns: tuple[Column, ...], lines: list[str], end: bool
) -> None:
    plan = EncoderPlan("", columns, format="ndjson", max_key_bytes=12)
    assume(follows(plan))
    same("\n".join(lines).encode("latin-1", "replace") + b"\n" * end, plan)


@pytest.mark.fault(21)
@pytest.mark.parametrize("kind", VALUES)
def test_every_value_of_every_kind_is_encoded_or_refused_as_by_the_reference(kind: str) -> None:
    for mismatch in ("quarantine", "null", *(["text"] if kind in ("text", "text[]") else [])):
        column = Column("c", "a", kind, mismatch=mismatch)  # type: ignore[arg-type]  # from the list of kinds
        every = [value for values in VALUES.values() for value in values]
        same(
            f'{{"data":[{",".join(_object([("a", value)]) for value in every)}]}}'.encode(),
            EncoderPlan("data", (column,)),
        )
