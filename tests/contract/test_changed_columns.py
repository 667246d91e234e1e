"""A column that is changed while a run goes on, or between two, ends it with the table's and the column's names."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from datasync.config.schema import ConflictPolicy, TableSettings, WriteSettings
from datasync.errors import SchemaMismatch
from datasync.model import Batch, Checkpoint, Column
from datasync.pipeline.lanes import FastLane
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import commit, last, more, plan, run, settings, stores

VALUES = {
    "text": ("5", "bigint"),
    "bigint": (2**40, "integer"),
    "integer": (5, "text"),
    "date": ("2026-01-02", "timestamptz"),
    "numeric": ("1.5", "uuid"),
    "double precision": (1.5, "jsonb"),
    "boolean": (True, "text"),
    "jsonb": ('{"a":1}', "boolean"),
}
"""A value of each type, and the type that its column becomes."""


def encoded(columns: tuple[Column, ...], *rows: dict[str, Any]) -> Batch:
    lane = FastLane(plan(columns))
    return Batch([lane.encode(msgspec.json.encode(rows), cursor=None, now_us=0)], Checkpoint("on"))


def tuples(_columns: tuple[Column, ...], *rows: dict[str, Any]) -> Batch:
    return more(*(tuple(row.values()) for row in rows))


@pytest.mark.parametrize("lane", [encoded, tuples], ids=["fast", "record"])
@pytest.mark.parametrize("mode", ["merge", "append", "replace"])
@pytest.mark.parametrize(("kind", "value", "then"), [(kind, *rest) for kind, rest in VALUES.items()], ids=str)
def test_a_changed_type_is_told_by_table_and_column(
    database: Database, lane: Callable[..., Batch], mode: Any, kind: str, value: Any, then: str
) -> None:
    columns = (Column("id", "id", "bigint", required=True, key=mode != "append"), Column("v", "v", kind))  # type: ignore[arg-type]
    table = "t__next" if mode == "replace" else "t"

    async def use(sink: PostgresSink) -> None:
        await commit(sink, [lane(columns, {"id": 1, "v": None})])
        await asyncio.to_thread(database.execute, f"ALTER TABLE {table} ALTER v TYPE {then} USING NULL")
        with pytest.raises(SchemaMismatch, match=f"`{table}` is there, and its column `v` is .*, not {kind}"):
            await commit(sink, [lane(columns, {"id": 2, "v": value})])

    write = WriteSettings(on_conflict=ConflictPolicy("update"))
    run(settings(database, TableSettings("t", mode), write=write), columns, use)


@pytest.mark.parametrize("lane", [encoded, tuples], ids=["fast", "record"])
def test_a_dropped_column_is_told_by_table_and_column(database: Database, lane: Callable[..., Batch]) -> None:
    columns = (Column("id", "id", "bigint", required=True, key=True), Column("v", "v", "text"))

    async def use(sink: PostgresSink) -> None:
        await commit(sink, [lane(columns, {"id": 1, "v": "a"})])
        await asyncio.to_thread(database.execute, "ALTER TABLE t DROP COLUMN v")
        with pytest.raises(SchemaMismatch, match="`t` is there, and its column `v` is missing, not text"):
            await commit(sink, [lane(columns, {"id": 2, "v": "b"})])

    run(settings(database, TableSettings("t")), columns, use)


@pytest.mark.parametrize(("kind", "alter"), [("text", "ALTER n TYPE text"), ("bigint", "ADD w bigint")])
def test_columns_that_are_declared_anew_want_what_was_gathered_to_be_read_again(
    database: Database, kind: Any, alter: str
) -> None:
    columns = (Column("id", "id", "bigint", required=True, key=True), Column("n", "n", "bigint"))
    chosen = settings(database, TableSettings("t", "replace"))
    run(chosen, columns, stores(more((1, 1))))
    database.execute(f"ALTER TABLE t {alter}")
    declared = (columns[0], Column("w" if alter.startswith("ADD") else "n", "n", kind))
    with pytest.raises(SchemaMismatch, match=r"`s` has gathered so far has other columns: .*`t__next`") as refused:
        run(chosen, declared)
    assert "--restart" in (refused.value.hint or "")
    value = "a" if kind == "text" else 2
    run(settings(database, TableSettings("t", "replace"), restart=True), declared, stores(last((2, value))))
    assert database.value(f"SELECT array_agg({declared[1].name}) FROM t") == [value]
