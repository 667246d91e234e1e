"""Both lanes give the same rows and the same quarantine for the same page, judged by PostgreSQL itself."""

import asyncio
import json
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync._native import PageError
from datasync.model import Chunk
from datasync.pipeline.lanes import FastLane, Lane, RecordLane
from datasync.pipeline.one_by_one import OneByOne
from datasync.simulator import Dataset
from datasync.sinks.postgres import codecs, ddl, staging
from datasync.transforms.builtin import identity
from datasync.transforms.chain import Chain
from tests.events import PLAN
from tests.staged import stage
from tests.support import Database

NOW_US = 1_769_600_000_000_000
FAST = FastLane(msgspec.structs.replace(PLAN, jsonb_order=True))  # as a run into PostgreSQL does
RECORD = RecordLane(PLAN, Chain([("identity", identity)]))


def body(items: list[str]) -> bytes:
    text = f'{{"data": [{", ".join(items)}], "pagination": {{"hasMore": false, "nextCursor": null}}}}'
    return text.encode("utf-8", "surrogatepass")


# JSON as text, so that numbers keep their spelling and hostile forms can be written at all.
scalars = st.one_of(
    st.text().map(json.dumps),
    st.text().map(lambda text: json.dumps(text, ensure_ascii=False)).filter(lambda text: text.isprintable()),
    st.integers().map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(
        [
            r"true",
            r"false",
            r"null",
            r"-0",
            r"-0.0",
            r"1.10",
            r"1e5",
            r"1E-7",
            r"1e400",
            r"1e131071",
            r"1e131072",
            r"1e-16383",
            r"1e-16384",
            r"18446744073709551616",
            r'"\u0000"',
            r'"\ud800"',
            r'"\udc00\ud800"',
            r'"\ud83d\ude00"',
            r'"\x"',
            r"01",
            r"NaN",
            r"1.",
            '"raw\x01control"',
        ]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
        | st.lists(st.tuples(st.text(max_size=4).map(json.dumps), inner), max_size=3, unique_by=itemgetter(0)).map(
            lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items) + "}"
        )
    ),
    max_leaves=6,
)
ids = st.one_of(st.integers(0, 30).map(lambda number: f'"id-{number}"'), values)
moments = st.one_of(
    st.sampled_from(
        [
            '"2024-01-15T10:30:00.123Z"',
            "1705314600",
            "1705314600123",
            '"1705314600"',
            "1705314600.5",
            "null",
            '"x"',
            '"2024-01-15T10:30:00"',
            "0",
            "-1",
            '"2024-02-30T00:00:00Z"',
            '"9999-12-31T23:59:59.999999Z"',
            '"0001-01-01T00:00:00Z"',
            '"2024-01-15T10:30:00.1234567+05:30"',
        ]
    ),
    values,
)
members = st.one_of(
    st.tuples(st.just('"id"'), ids),
    st.tuples(st.just('"type"'), values),
    st.tuples(st.just('"timestamp"'), moments),
    st.tuples(st.sampled_from(['"\\u0069d"', '"extra"', '"na\\u0000me"']), values),
)
whole = st.tuples(ids, moments).map(lambda pair: [('"id"', pair[0]), ('"timestamp"', pair[1])])


def storable(value: str) -> bool:
    """A record with this value in it is taken on the fast lane."""
    return not FAST.encode(body([f'{{"id":"a","x":{value}}}']), cursor=None, now_us=NOW_US).rejects


def repeated_only_if_storable(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out members whose key comes more than once, unless they could be stored.

    The record lane never sees a replaced member, and the replacing one stands in its place: so what is wrong with
    either counts on the fast lane alone, or in another order.
    """
    keys = [json.loads(key) for key, _ in items]
    return [item for key, item in zip(keys, items, strict=True) if keys.count(key) == 1 or storable(item[1])]


records = (
    st.one_of(
        st.tuples(whole, st.lists(members, max_size=4)).map(lambda parts: [*parts[0], *parts[1]]),
        st.lists(members, max_size=5),
    )
    .map(repeated_only_if_storable)
    .map(lambda items: "{" + ",".join(f"{key}: {value}" for key, value in items) + "}")
)
pages = st.lists(records | values, max_size=8)


@pytest.fixture(scope="module")
def store(server_dsn: str) -> Iterator[asyncio.Runner]:
    """A runner whose loop holds `store.connection`."""
    database = Database.create(server_dsn, "datasync_test_lanes")
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database.dsn))
        runner.run(codecs.prepare(connection))
        runner.run(ddl.migrate(connection))
        runner.connection = connection  # type: ignore[attr-defined]  # travels with the loop it belongs to
        yield runner
        runner.run(connection.close())
    database.drop()


def stored(store: asyncio.Runner, chunk: Chunk) -> list[tuple[Any, ...]]:
    async def main() -> list[tuple[Any, ...]]:
        connection = store.connection  # type: ignore[attr-defined]  # see the fixture
        await staging.clear(connection, staging.FIRST)
        await stage(connection, [chunk], PLAN.columns)
        rows = await connection.fetch(
            'SELECT id, event_type, "timestamp", data::text FROM staging_events ORDER BY ctid'
        )
        return [tuple(row) for row in rows]

    return store.run(main())


def refusal(lane: Lane, page: bytes) -> tuple[str, int] | None:
    try:
        lane.encode(page, cursor="c", now_us=NOW_US)
    except PageError as error:
        return error.code, error.offset
    return None


def same(store: asyncio.Runner, page: bytes) -> tuple[Chunk, list[tuple[Any, ...]]]:
    fast = FAST.encode(page, cursor="c", now_us=NOW_US)
    record = RECORD.encode(page, cursor="c", now_us=NOW_US)
    for name in (
        "row_count",
        "records",
        "next_cursor",
        "has_more",
        "total",
        "last_key",
        "last_timestamp_us",
        "dropped",
    ):
        assert getattr(fast, name) == getattr(record, name), name
    assert [(r.index, r.offset, r.code, r.raw) for r in fast.rejects] == [
        (r.index, r.offset, r.code, r.raw) for r in record.rejects
    ]
    rows = stored(store, fast)
    assert rows == stored(store, record)
    assert len(rows) == fast.row_count == fast.records - len(fast.rejects)
    return fast, rows


@pytest.mark.fault(23)
@given(items=pages)
def test_both_lanes_give_the_same_rows_and_rejects_and_postgresql_takes_all_rows(
    store: asyncio.Runner, items: list[str]
) -> None:
    page = body(items)
    refused = [refusal(lane, page) for lane in (FAST, RECORD)]
    assert refused[0] == refused[1]
    if refused[0] is None:
        same(store, page)


def test_both_lanes_agree_on_an_ordinary_page(store: asyncio.Runner) -> None:
    dataset = Dataset(1, 500)
    items = [json.dumps(dataset.event(index)) for index in range(500)]
    fast, rows = same(store, body(items))
    assert fast.row_count == 500
    events = sorted((dataset.event(index) for index in range(500)), key=itemgetter("id"))
    assert [json.loads(row[3]) for row in rows] == events  # staged by key, for the index's sake


def test_the_first_and_the_last_moment_are_no_infinities(store: asyncio.Runner) -> None:
    _, rows = same(
        store,
        body(['{"id":"a","timestamp":"0001-01-01T00:00:00Z"}', '{"id":"b","timestamp":"9999-12-31T23:59:59.999999Z"}']),
    )
    assert [row[2] for row in rows] == [-62_135_596_800_000_000, 253_402_300_799_999_999]


@pytest.mark.fault(23)
def test_numbers_of_any_length_reach_the_database_exactly(store: asyncio.Runner) -> None:
    numbers = [
        "18446744073709551616",
        "123456789012345678901234567890.000000000000000005",
        "1.10",
        "-9223372036854775809",
    ]
    page = body(['{"id":"a","n":[' + ",".join(numbers) + "]}"])
    _, rows = same(store, page)
    assert rows[0][3] == '{"n": [' + ", ".join(numbers) + '], "id": "a"}'


@given(items=pages)
def test_a_page_read_record_by_record_gives_what_it_gives_at_once(items: list[str]) -> None:
    at_once, one_by_one = (RecordLane(PLAN, lambda raw: raw, encoder) for encoder in (None, OneByOne(PLAN)))
    page = body(items)
    if refusal(at_once, page) is None:
        assert one_by_one.encode(page, cursor="x", now_us=NOW_US) == at_once.encode(page, cursor="x", now_us=NOW_US)
