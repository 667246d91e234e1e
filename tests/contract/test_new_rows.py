"""Staged rows that are likely to be new are moved without ON CONFLICT, and with it as soon as a key is known."""

import asyncio
from typing import Any

import asyncpg
import pytest

from datasync.config.schema import ConflictPolicy, WriteSettings
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.target import Target
from tests.contract.test_sink_postgres import batch, chunk, opened
from tests.support import Database


def test_a_batch_is_taken_for_new_after_one_that_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[str] = []
    plain, careful = Target.insert, Target.upsert

    async def insert(self: Target, connection: Any, staging: TableName) -> Any:
        ways.append("insert")
        try:
            return await plain(self, connection, staging)
        except asyncpg.UniqueViolationError:
            ways[-1] = "miss"
            raise

    async def upsert(self: Target, connection: Any, staging: TableName, *, repeats: bool) -> Any:
        ways.append("upsert")
        return await careful(self, connection, staging, repeats=repeats)

    monkeypatch.setattr(Target, "insert", insert)
    monkeypatch.setattr(Target, "upsert", upsert)
    counts: list[tuple[int, int]] = []

    async def use(target: Any) -> None:
        for number, keys in enumerate(["ab", "cd", "de", "fg", "hi", "ij", "klk", "mn", "no", "pq", "rs"]):
            done = await target.commit(batch(number, chunk(*keys)))
            counts.append((done.rows, done.duplicates))

    opened(database, use, write=WriteSettings(direct=False))
    assert ways == [
        "upsert",  # ab: nothing is known of the feed yet
        "insert",  # cd
        *["miss", "upsert"],  # de
        "upsert",  # fg: the batch before had a known key
        "insert",  # hi
        *["miss", "upsert"],  # ij
        "upsert",  # klk: a key comes twice
        "insert",  # mn
        *["miss", "upsert"],  # no
        "upsert",
        "insert",
    ]
    assert counts == [(2, 0), (2, 0), (1, 1), (2, 0), (2, 0), (1, 1), (2, 1), (2, 0), (1, 1), (2, 0), (2, 0)]
    assert database.value("SELECT count(*) FROM ingested_events") == 19


def test_after_two_misses_in_a_row_no_batch_is_taken_for_new() -> None:
    habit = Habit(direct=True, keeps_known=True)
    habit.stored(rows=10, inserted=10)
    assert (habit.plain, habit.direct) == (True, True)
    habit.met_known()
    habit.stored(rows=10, inserted=10)
    assert (habit.plain, habit.direct) == (True, True)
    habit.met_none()
    habit.met_known()
    assert habit.plain
    habit.met_known()
    assert (habit.plain, habit.direct) == (False, False)


def test_a_row_that_another_session_writes_meanwhile_is_met_and_kept(database: Database) -> None:
    async def use(target: Any) -> None:
        await target.commit(batch(0, chunk("a")))
        other = await asyncpg.connect(database.dsn)
        transaction = other.transaction()
        await transaction.start()
        await other.execute("INSERT INTO ingested_events (id, data) VALUES ('b', '{\"theirs\": 1}')")
        work = asyncio.ensure_future(target.commit(batch(1, chunk("b", "c"))))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  # the server has no event
            await asyncio.sleep(0.01)
        await transaction.commit()
        done = await work
        assert (done.rows, done.updated) == (1, 1)
        await other.close()

    opened(database, use, write=WriteSettings(direct=False, on_conflict=ConflictPolicy("update")))
    assert database.value("SELECT data ? 'theirs' FROM ingested_events WHERE id = 'b'") is False
