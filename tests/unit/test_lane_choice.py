"""Bodies and lists that the core doesn't read as they are end up as the same rows."""

import csv
import gc
import io
import math
from typing import Any

import jsonpath
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync import _native, envelope, jsonpaths
from datasync.config.spec import Child, ColumnSpec
from datasync.errors import ConfigError, ContractChanged, PageDamaged
from datasync.model import Chunk, Column, EncoderPlan
from datasync.pipeline.choice import choose
from datasync.transforms.chain import Chain
from datasync.transforms.contract import contract

ID = Column("id", "id", "text", required=True, key=True)
DATA = Column("data", "", "jsonb", required=True)
PLAN = EncoderPlan(records="", columns=(ID, DATA))

names = st.text(min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def encode(plan: EncoderPlan, body: bytes, **more: Any) -> Chunk:
    return choose(plan, None, **more).encode(body, cursor=None, now_us=1_800_000_000_000_000)


def ids(chunk: Chunk) -> list[str]:
    if chunk.rows is not None:
        return [str(row[0]) for row in chunk.rows]
    assert chunk.copy is not None
    return list(map(bytes.decode, _native.SortedRows([chunk.copy]).keys()))


@given(st.lists(names, max_size=4), st.booleans())
def test_a_path_of_names_is_followed_by_the_core_as_jsonpath_follows_it(steps: list[str], stars: bool) -> None:
    page: Any = [{"id": "1"}, {"id": "2"}]
    for step in reversed(steps):
        page = {step: page}
    path = "$" + "".join(f"[{msgspec.json.encode(step).decode()}]" for step in steps) + ("[*]" if stars else "")
    native = jsonpaths.native(path)
    if native is not None:
        assert ids(encode(msgspec.structs.replace(PLAN, records=path), msgspec.json.encode(page))) == ["1", "2"]
    else:
        assert any(set(step) & set("\"'\\]") or not step.isprintable() for step in steps)


@pytest.mark.parametrize(
    ("path", "native"),
    [("$", ""), ("$.data[*]", "data"), ("$['a b'].c", '["a b"].c'), ("$..x", None), ("$.a[?@.b]", None)],
)
def test_what_the_core_can_follow_of_jsonpath(path: str, native: str | None) -> None:
    assert jsonpaths.native(path) == native


def test_a_jsonpath_finds_records_and_the_page_still_says_what_follows() -> None:
    plan = msgspec.structs.replace(
        PLAN, records="$.groups[*].items[?@.kind == 'x']", next_cursor="next", has_more="more", total="meta[0].n"
    )
    body = (
        b'{"groups":[{"items":[{"id":"a","kind":"x","n":18446744073709551616.10},{"id":"b","kind":"y"}]},'
        b'{"items":[{"id":"c","kind":"x"}]}],"next":7,"more":true,"meta":[{"n":3}]}'
    )
    lane = choose(plan, None)
    chunk = lane.encode(body, cursor=None, now_us=0)
    assert ids(chunk) == ["a", "c"]
    assert (chunk.next_cursor, chunk.has_more, chunk.total) == ("7", True, 3) == (*lane.peek(body), 3)
    assert chunk.copy is not None
    assert b"18446744073709551616.10" in bytes(memoryview(chunk.copy)), "numbers keep their digits"


def test_what_is_no_jsonpath_or_no_json_is_said() -> None:
    with pytest.raises(ConfigError, match="no JSONPath"):
        choose(msgspec.structs.replace(PLAN, records="$.a[?"), None)
    with pytest.raises(PageDamaged, match="can't be found"):
        encode(msgspec.structs.replace(PLAN, records="$..a"), b"{")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b'"\\ud83d"', "lone_surrogate"),
        (b"NaN", "bad_number"),
        (b"-Infinity", "bad_number"),
        (b'"\\u0000"', "nul_character"),
    ],
)
def test_a_bad_record_that_a_jsonpath_finds_is_refused_alone(value: bytes, code: str) -> None:
    plan = msgspec.structs.replace(PLAN, records="$.items[?@.id]")
    long = b"7" * 5000
    chunk = encode(plan, b'{"items":[{"id":"a","n":' + long + b'},{"id":"b","n":' + value + b'},{"id":"c"}]}')
    assert ids(chunk) == ["a", "c"]
    assert [reject.code for reject in chunk.rejects] == [code]
    assert chunk.copy is not None
    assert long in bytes(memoryview(chunk.copy))


@pytest.mark.parametrize("value", [math.nan, math.inf, [{"deep": -math.inf}], (math.nan,)])
def test_a_float_that_json_has_none_for_is_refused_and_not_stored_as_null(value: object) -> None:
    chain = Chain([("bad", lambda record: {**record, "n": value} if record["id"] == "b" else {**record, "n": None})])
    chunk = choose(PLAN, chain).encode(b'[{"id":"a"},{"id":"b"},{"id":"c"}]', cursor=None, now_us=0)
    assert ids(chunk) == ["a", "c"]
    assert [(reject.code, reject.raw) for reject in chunk.rejects] == [("bad_number", b'{"id":"b"}')]


@given(st.dictionaries(names, values, max_size=4), st.lists(names, max_size=3))
def test_a_path_finds_in_a_decoded_page_what_jsonpath_finds(page: dict[str, Any], steps: list[str]) -> None:
    path = "".join(f"[{msgspec.json.encode(step).decode()}]" for step in steps)
    oracle = jsonpath.findall("$" + "".join(f"[{msgspec.json.encode(step).decode()}]" for step in steps), page)
    assert envelope.at(page, path) == (oracle[0] if oracle else None)


@given(
    st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3, unique=True),
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\r\0", codec="utf-8"), max_size=5), max_size=3), max_size=4
    ),
)
def test_each_row_of_csv_is_a_record_and_a_row_of_another_width_a_reject(
    header: list[str], rows: list[list[str]]
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([["id", *(f"_{name}" for name in header)], *rows])
    read = [row for row in csv.reader(io.StringIO(out.getvalue(), newline="")) if row][1:]
    chunk = encode(msgspec.structs.replace(PLAN, format="csv"), out.getvalue().encode())
    good = [row for row in read if len(row) == len(header) + 1]
    assert ids(chunk) == sorted(row[0] for row in good if row[0])
    assert chunk.records == len(read)
    odd = [len(row) for row in read if len(row) != len(header) + 1]
    said = [reject.detail for reject in chunk.rejects if reject.code == "csv_width"]
    assert said == [f"the row has {width} values, and the first line names {len(header) + 1}" for width in odd]


def test_a_csv_value_may_be_as_long_as_a_page_and_transforms_may_make_columns() -> None:
    plan = msgspec.structs.replace(PLAN, format="csv")
    assert ids(encode(plan, b"id,text\n1," + b"x" * 200_000 + b"\n")) == ["1"]
    made = Chain([("made", lambda record: {"id": record["n"]})])
    lane = choose(plan, made)
    assert ids(lane.encode(b"n\n7\n", cursor=None, now_us=0)) == ["7"]
    assert ids(lane.encode(b"n\n", cursor="1", now_us=0)) == []
    with pytest.raises(PageDamaged, match="`n`"):
        lane.encode(b"upstream request timeout", cursor="1", now_us=0)


def test_a_record_that_python_cannot_read_is_refused_for_its_list_alone() -> None:
    child = Child(table="lines", path="lines", columns=(ColumnSpec(name="sku"),))
    body = b'[{"id":"a"},{"id":"b","junk":' + b"1" * 5000 + b'},{"id":"c","lines":[{"sku":"x"}]}]'
    chunk = encode(PLAN, body, children=[child])
    assert ids(chunk) == ["a", "c"]
    assert [reject.code for reject in chunk.rejects] == ["child_unreadable"]


@given(
    st.lists(st.sampled_from([b"good", b"caf\xe9", "ü".encode(), b"\xff\xfe", b'"\x80"']), max_size=6), st.booleans()
)
def test_a_row_of_csv_with_bytes_that_are_no_text_is_refused_alone_as_it_came(cells: list[bytes], lane: bool) -> None:
    body = b"id,x\n" + b"".join(b"%d,%s\n" % row for row in enumerate(cells))
    chain = Chain([("same", lambda record: record)]) if lane else None
    chunk = choose(msgspec.structs.replace(PLAN, format="csv"), chain).encode(body, cursor=None, now_us=0)
    bad = {n: cell for n, cell in enumerate(cells) if not cell.isascii() and cell != "ü".encode()}
    assert ids(chunk) == [str(n) for n in range(len(cells)) if n not in bad]
    assert [(reject.index, reject.code) for reject in chunk.rejects] == [(n, "invalid_utf8") for n in bad]
    for reject in chunk.rejects:
        assert bad[reject.index].strip(b'"') in reject.raw


@pytest.mark.parametrize("body", [b"\xff", b"id,x\xe9\n1,2\n", b"id,x\n1,\xc3", b'a,"b', b"a,a\n1,2", b"a,\n1,2"])
def test_csv_that_cant_be_told_apart_damages_the_page(body: bytes) -> None:
    with pytest.raises(PageDamaged):
        encode(msgspec.structs.replace(PLAN, format="csv"), body)


def test_lists_become_rows_of_their_own_and_a_bad_element_refuses_its_record() -> None:
    specs = (ColumnSpec(name="sku", required=True), ColumnSpec(name="n", type="integer"))
    child = Child(table="lines", path="order.items", columns=specs)
    body = msgspec.json.encode(
        [
            {"id": "a", "order": {"items": [{"sku": "x", "n": 1}, {"sku": "y"}]}},
            {"id": "b"},
            {"id": "c", "order": {"items": [{"sku": "z", "n": 1.5}]}},
            {"id": "d", "order": {"items": {}}},
        ]
    )
    chunk = encode(PLAN, body, children=[child])
    assert ids(chunk) == ["a", "b"]
    (lines,) = chunk.children
    assert (lines.table, [column.name for column in lines.columns]) == ("lines", ["parent_key", "position", "sku", "n"])
    assert lines.rows == [("a", 0, "x", 1), ("a", 1, "y", None)]
    assert lines.parents == ["a", "b"]
    assert [(reject.index, reject.code) for reject in chunk.rejects] == [
        (2, "child_number_not_whole"),
        (3, "child_not_a_list"),
    ]
    assert chunk.records == chunk.row_count + len(chunk.rejects)


@pytest.mark.parametrize(
    ("specs", "element", "refused"),
    [
        ((ColumnSpec(name="sku"),), 1, True),
        ((ColumnSpec(name="sku"),), None, True),
        ((ColumnSpec(name="sku"),), [1], True),
        ((ColumnSpec(name="sku"),), {}, False),
        ((ColumnSpec(name="first", path="$[0]", type="jsonb"),), [1], False),
        ((ColumnSpec(name="first", path="$[0]", type="jsonb"),), 1, True),
        ((ColumnSpec(name="sku"), ColumnSpec(name="all", path="$", type="jsonb")), 1, False),
    ],
)
def test_an_element_of_which_nothing_would_be_stored_refuses_its_record(
    specs: tuple[ColumnSpec, ...], element: object, refused: bool
) -> None:
    body = msgspec.json.encode([{"id": "a", "lines": [element]}])
    chunk = encode(PLAN, body, children=[Child(table="lines", path="lines", columns=specs)])
    assert [reject.code for reject in chunk.rejects] == (["child_not_an_object"] if refused else [])
    assert len(chunk.children[0].rows) == (not refused)


def test_a_transform_that_gives_a_coroutine_is_told_and_python_warns_of_nothing() -> None:
    async def later() -> None: ...

    wrong: Any = lambda _record: later()  # noqa: E731  # its type is what is wrong
    chunk = choose(PLAN, Chain([("later", wrong)])).encode(b'[{"id":"a"}]', cursor=None, now_us=0)
    gc.collect()
    assert [reject.code for reject in chunk.rejects] == ["transform_failed"]
    assert "coroutine" in chunk.rejects[0].detail


def test_a_field_that_no_column_takes_is_refused_or_ends_the_run() -> None:
    body = b'[{"id":"a"},{"id":"b","new":1}]'
    plan = EncoderPlan(records="", columns=(ID, Column("rest", "", "jsonb", source="rest")))
    quarantine = choose(plan, Chain([("contract", contract(plan.columns, "quarantine"))]))
    chunk = quarantine.encode(body, cursor=None, now_us=0)
    assert (ids(chunk), [(reject.code, reject.raw) for reject in chunk.rejects]) == (
        ["a"],
        [("unknown_field", b'{"id":"b","new":1}')],
    )
    freeze = choose(plan, Chain([("contract", contract(plan.columns, "freeze"))]))
    with pytest.raises(ContractChanged, match="`new`"):
        freeze.encode(body, cursor=None, now_us=0)
