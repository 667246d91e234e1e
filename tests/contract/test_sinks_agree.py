"""All sinks store the same values for the same pages: PostgreSQL is the judge, each value as its text."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import asyncpg
import msgspec
import pytest

from datasync.config.schema import ConflictPolicy
from datasync.model import Batch, Checkpoint, Column, EncoderPlan, Kind
from datasync.pipeline.lanes import FastLane, RecordLane
from datasync.sinks.base import Sink
from tests.sinks import ARRAY, LOCAL, NOW_US
from tests.sinks import Kind as SinkKind
from tests.support import Database

# PostgreSQL's table has the columns of ARRAY, as they are; those of other kinds are compared where the lanes are.
ALL = EncoderPlan(
    records="",
    columns=(
        Column("id", "id", "text", required=True, key=True),
        *(Column(f"a {kind}", f'["{kind}"]', kind) for kind in get_args(Kind)),
    ),
)
RECORDS = [
    (
        '{"id":"a","type":"clîck \\n \\"q\\" \U0001f600",'
        '"ts":"2024-01-15T10:30:00.123456+05:30","n":[18446744073709551616,1.10,1E400]}'
    ),
    '{\n  "id": "b",\r\n  "type": null, "ts": 1705314600123}',
    '{"id":"c","ts":"0001-01-01T00:00:00Z","a":{"b":[{}]}}',
    '{"id":"d","ts":"9999-12-31T23:59:59.999999Z","id":"e"}',
    '{"id":"a","type":"again"}',
    '{"id":7}',
]
FULL = (
    '{"id":"k","text":"x\'y\\"z","json":{"b":1.10,"a":18446744073709551616},"jsonb":[1e2,-0],'
    '"timestamptz":"2024-02-29T23:59:59.000001Z","date":"0001-01-01","bigint":-9223372036854775808,"integer":-1,'
    '"numeric":123456789012345678901234567890.1234567890123456789000,"double precision":0.1,"boolean":true,'
    '"uuid":"{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}","bytea":"AP+A","text[]":["a\\n",null,""]}'
)


def pages(plan: EncoderPlan, records: list[str], *, fast: bool) -> Batch:
    lane = FastLane(plan) if fast else RecordLane(plan, lambda raw: raw)
    chunks = [
        lane.encode(f"[{','.join(part)}]".encode(), cursor="c", now_us=NOW_US) for part in (records[:3], records[3:])
    ]
    return Batch(chunks, Checkpoint("x", None, 2, len(records)))


def commit(kind: SinkKind, one: Batch) -> Any:
    async def work(sink: Sink) -> Any:
        return await sink.commit(one)

    return kind.use(work)


def micros(value: Any) -> int | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is None:
        return None
    since: timedelta = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def raw_columns(kind: SinkKind) -> dict[str, str]:
    """The text of `data` by id, as it is in the file."""
    if kind.name != "jsonl":
        return {row[0]: row[3] for row in kind.rows()}

    class Line(msgspec.Struct):
        id: str
        data: msgspec.Raw

    lines = (kind.folder / "ingested_events.jsonl").read_bytes().splitlines()
    return {line.id: bytes(line.data).decode() for line in (msgspec.json.decode(line, type=Line) for line in lines)}


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "record"])
def test_the_same_pages_give_what_postgresql_has(database: Database, tmp_path: Path, fast: bool) -> None:
    one = pages(ARRAY, RECORDS, fast=fast)
    theirs = commit(SinkKind("postgres", tmp_path, database.dsn, ARRAY), one)
    us = '(extract(epoch FROM "timestamp") * 1000000)::bigint'
    expected = database.fetch(f"SELECT id, event_type, {us} AS us, data::text FROM ingested_events ORDER BY id")
    assert len(expected) == 4
    for name in LOCAL:
        folder = tmp_path / name
        folder.mkdir()
        kind = SinkKind(name, folder, plan=ARRAY)
        assert commit(kind, one) == theirs
        found = [(row[0], row[1], micros(row[2])) for row in kind.rows()]
        assert found == [(row["id"], row["event_type"], row["us"]) for row in expected]
        texts = raw_columns(kind)
        assert _as_jsonb(database, texts) == {row["id"]: row["data"] for row in expected}
        quarantined = database.fetch("SELECT code, raw FROM quarantined_events")
        assert kind.rejects() == [tuple(row) for row in quarantined]


def _as_jsonb(database: Database, texts: dict[str, str]) -> dict[str, str]:
    async def main() -> dict[str, str]:
        connection = await asyncpg.connect(database.dsn)
        try:
            return {key: await connection.fetchval("SELECT $1::jsonb::text", text) for key, text in texts.items()}
        finally:
            await connection.close()

    return asyncio.run(main())


def test_json_is_kept_as_it_was_written(tmp_path: Path) -> None:
    for name in LOCAL:
        folder = tmp_path / name
        folder.mkdir()
        kind = SinkKind(name, folder, plan=ARRAY)
        commit(kind, pages(ARRAY, RECORDS, fast=True))
        texts = raw_columns(kind)
        assert texts["a"] == RECORDS[0]
        assert texts["b"] == (RECORDS[1].replace("\n", " ").replace("\r", " ") if name == "jsonl" else RECORDS[1])


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "record"])
@pytest.mark.parametrize("name", LOCAL)
def test_every_kind_of_column_is_read_back_exactly(name: str, tmp_path: Path, fast: bool) -> None:
    kind = SinkKind(name, tmp_path, plan=ALL)
    nothing = '{"id":"n"}'
    done = commit(kind, pages(ALL, [FULL, nothing], fast=fast))
    assert done.rows == 2
    full, empty = sorted(kind.rows(), key=lambda row: str(row[0]))
    assert empty == ("n",) + (None,) * len(get_args(Kind))
    found = dict(zip((column.name.removeprefix("a ") for column in ALL.columns), full, strict=True))
    assert found["text"] == "x'y\"z"
    assert micros(found["timestamptz"]) == 1_709_251_199_000_001
    assert found["date"] in (date(1, 1, 1), "0001-01-01")
    assert (found["bigint"], found["integer"], found["boolean"]) == (-(2**63), -1, True)
    assert found["double precision"] == 0.1
    assert str(found["uuid"]) == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert found["bytea"] in (b"\x00\xff\x80", base64.b64encode(b"\x00\xff\x80").decode())
    assert found["text[]"] == ["a\n", None, ""]
    digits = "123456789012345678901234567890.1234567890123456789000"
    if name == "jsonl":
        line = (tmp_path / "ingested_events.jsonl").read_text()
        assert f'"a numeric":{digits},' in line
        assert '"a json":{"b":1.10,"a":18446744073709551616},"a jsonb":[1e2,-0],' in line
    else:
        assert found["numeric"] == digits
        assert (found["json"], found["jsonb"]) == ('{"b":1.10,"a":18446744073709551616}', "[1e2,-0]")


POLICIES: dict[str, Callable[[], ConflictPolicy]] = {
    "nothing": ConflictPolicy,
    "update": lambda: ConflictPolicy("update"),
    "update_if_changed": lambda: ConflictPolicy("update_if_changed"),
    "update_if_newer": lambda: ConflictPolicy("update_if_newer", "timestamp"),
}


@pytest.mark.parametrize("rule", POLICIES)
def test_duckdb_follows_each_policy_as_postgresql_does(database: Database, tmp_path: Path, rule: str) -> None:
    def record(key: str, type_: str, ts: int | None) -> str:
        return json.dumps({"id": key, "type": type_, "ts": ts and 1_700_000_000_000 + ts})

    first = [record("a", "x", 2), record("b", "x", None), record("c", "x", 5), record("a", "y", 1), record("c", "z", 9)]
    second = [
        record("a", "w", 3),
        record("b", "x", None),
        record("c", "x", 5),
        record("d", "x", 1),
        record("d", "q", 1),
    ]
    batches = [pages(ARRAY, some, fast=True) for some in (first, second, second)]

    async def work(sink: Sink) -> list[Any]:
        return [await sink.commit(one) for one in batches]

    theirs = SinkKind("postgres", tmp_path, database.dsn, ARRAY).use(work, policy=POLICIES[rule]())
    kind = SinkKind("duckdb", tmp_path, plan=ARRAY)
    assert kind.use(work, policy=POLICIES[rule]()) == theirs
    expected = database.fetch("SELECT id, event_type FROM ingested_events ORDER BY id")
    assert [row[:2] for row in kind.rows()] == [tuple(row) for row in expected]
