"""Whatever the policy and the way in: the table ends as if the rows had come one by one, and each is counted once."""

import asyncio
from collections.abc import Awaitable, Sequence

import asyncpg
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.config import Secret, Settings
from datasync.config.schema import ConflictPolicy, WriteSettings
from datasync.errors import ConfigError
from datasync.model import Batch, Checkpoint, Chunk, Column, Committed
from datasync.pipeline.lanes import FastLane
from datasync.sinks.postgres.sink import PostgresSink
from tests.sinks import ARRAY
from tests.support import Database

LANE = FastLane(ARRAY)
POLICIES = (
    ConflictPolicy(),
    ConflictPolicy("update"),
    ConflictPolicy("update_if_changed"),
    ConflictPolicy("update_if_newer", "timestamp"),
)

Record = tuple[str, str, int | None]
"""Key, type, and timestamp in ms."""

Counts = tuple[int, int, int, int]
"""Rows, updated, unchanged and duplicates of a batch."""

records = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from("xy"),
        st.one_of(st.none(), st.integers(1_700_000_000_000, 1_700_000_000_003)),
    ),
    max_size=8,
)


def page(items: Sequence[Record], *, rows: bool) -> Chunk:
    body = msgspec.json.encode([{"id": key, "type": type_, "ts": ts} for key, type_, ts in items])
    chunk = LANE.encode(body, cursor=None, now_us=1_800_000_000_000_000)
    if not rows:
        return chunk
    tuples = [
        (
            key,
            type_,
            None if ts is None else ts * 1000,
            msgspec.json.encode({"id": key, "type": type_, "ts": ts}).decode(),
        )
        for key, type_, ts in items
    ]
    return msgspec.structs.replace(chunk, copy=None, rows=tuples)


def replaces(policy: ConflictPolicy, old: Record, new: Record) -> bool:
    if policy.rule == "update_if_changed":
        return old != new
    if policy.rule == "update_if_newer":
        return new[2] is not None and (old[2] is None or new[2] > old[2])
    return policy.rule == "update"


def expected(policy: ConflictPolicy, batches: Sequence[Sequence[Record]]) -> tuple[dict[str, Record], list[Counts]]:
    """The table, and the counts of each batch."""
    table: dict[str, Record] = {}
    counts = []
    for batch in batches:
        # Within a batch: one of each key, by the same policy.
        best: dict[str, Record] = {}
        for record in batch:
            key = record[0]
            if key not in best or policy.rule == "update_if_changed" or replaces(policy, best[key], record):
                best[key] = record
        known = {key for key in best if key in table}
        changed = {key for key in known if replaces(policy, table[key], best[key])}
        table |= {key: record for key, record in best.items() if key not in known or key in changed}
        left, twice = len(known) - len(changed), len(batch) - len(best)
        skips = policy.rule == "nothing"
        counts.append((len(best) - len(known), len(changed), 0 if skips else left, twice + (left if skips else 0)))
    return table, counts


async def _result(work: Awaitable[Committed]) -> Committed:
    return await work


async def play(
    dsn: str, write: WriteSettings, batches: Sequence[Sequence[Record]], *, rows: bool
) -> tuple[dict[str, Record], list[Counts]]:
    secret = Secret("unused", source="test")
    settings = Settings(Secret(dsn, source="test"), "http://unused", secret, restart=True, write=write)
    sink = PostgresSink(settings, "test", ARRAY)
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT to_regclass('ingested_events') IS NOT NULL"):
            await connection.execute("TRUNCATE ingested_events")
        await sink.connect()
        await sink.open()
        # All at once: two are under way at any time.
        work = [
            sink.commit(
                Batch(
                    [page(items[: len(items) // 2], rows=rows), page(items[len(items) // 2 :], rows=rows)],
                    Checkpoint(str(n)),
                )
            )
            for n, items in enumerate(batches)
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_result(one)) for one in work]
        done = [task.result() for task in tasks]
        found = await connection.fetch(
            "SELECT id, event_type, extract(epoch FROM timestamp) * 1000 AS ts FROM ingested_events"
        )
        state = await connection.fetchrow(
            "SELECT events_ingested, updated, unchanged, duplicates, served FROM cursor_state"
        )
        assert state is not None
        assert tuple(state)[:4] == tuple(
            map(sum, zip(*[(one.rows, one.updated, one.unchanged, one.duplicates) for one in done], strict=True))
        )
        assert sum(tuple(state)[:4]) == state["served"] == sum(map(len, batches))
    finally:
        await sink.close()
        await connection.close()
    table = {row["id"]: (row["id"], row["event_type"], None if row["ts"] is None else int(row["ts"])) for row in found}
    return table, [(one.rows, one.updated, one.unchanged, one.duplicates) for one in done]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.rule)
def test_the_table_ends_as_if_rows_had_come_one_by_one(database: Database, policy: ConflictPolicy) -> None:
    @settings(max_examples=25, deadline=None)
    @given(batches=st.lists(records, min_size=1, max_size=5), direct=st.booleans(), rows=st.booleans())
    def check(batches: list[list[Record]], direct: bool, rows: bool) -> None:
        write = WriteSettings(on_conflict=policy, direct=direct)
        assert asyncio.run(play(database.dsn, write, batches, rows=rows)) == expected(policy, batches)

    check()


def test_a_policy_that_names_no_column_of_the_table_is_refused_before_anything_is_done() -> None:
    secret = Secret("unused", source="test")
    write = WriteSettings(on_conflict=ConflictPolicy("update_if_newer", "nope"))
    with pytest.raises(ConfigError, match="no column `nope`"):
        PostgresSink(Settings(secret, "http://unused", secret, write=write), "test", ARRAY)


def test_a_column_without_an_order_tells_no_newer_row() -> None:
    plan = msgspec.structs.replace(ARRAY, columns=(*ARRAY.columns, Column("version", "v", "json")))
    write = WriteSettings(on_conflict=ConflictPolicy("update_if_newer", "version"))
    key = Secret("unused", source="test")
    with pytest.raises(ConfigError, match="`version` is `json`, which has no order"):
        PostgresSink(Settings(key, "http://unused", key, write=write), "s", plan)
