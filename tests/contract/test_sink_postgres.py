"""What the PostgreSQL sink promises, on a real server."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import msgspec
import pytest

from datasync.config import Secret, Settings
from datasync.config.schema import WriteSettings
from datasync.errors import LeaseLost
from datasync.model import Batch, Checkpoint, Chunk, PartitionState, Reject, Window
from datasync.sinks.postgres import ddl
from datasync.sinks.postgres.sink import PostgresSink
from tests.events import PLAN
from tests.support import Database

STREAM = "datasync.events"


def settings(database: Database, write: WriteSettings | None = None) -> Settings:
    key = Secret("unused", source="test")
    return Settings(Secret(database.dsn, source="test"), "http://unused", key, write=write or WriteSettings())


def sink(database: Database, write: WriteSettings | None = None) -> PostgresSink:
    return PostgresSink(settings(database, write), STREAM, PLAN)


def chunk(*ids: str, rejects: tuple[Reject, ...] = ()) -> Chunk:
    rows = [(key, "click", None, f'{{"id":"{key}"}}') for key in ids]
    return Chunk(len(rows), 10, len(rows) + len(rejects), rejects, None, None, None, None, None, rows=rows)


def reject(raw: bytes, code: str = "required_missing") -> Reject:
    return Reject("c", 0, 0, code, "detail with \0 and \ud800", raw)


def batch(page: int, *chunks: Chunk) -> Batch:
    return Batch(chunks, Checkpoint(f"cursor-{page}", {"id": "x", "ts": page}, page, page * 10))


def opened(
    database: Database, use: Callable[[PostgresSink], Awaitable[None]], write: WriteSettings | None = None
) -> None:
    async def main() -> None:
        target = sink(database, write)
        try:
            await target.connect()
            await target.open()
            await use(target)
        finally:
            await target.close()

    asyncio.run(main())


def stored(database: Database) -> tuple[PartitionState, ...]:
    """What the next run begins with."""

    async def main() -> tuple[PartitionState, ...]:
        target = sink(database)
        try:
            read = await target.connect()
            assert await target.open() == read
            return read
        finally:
            await target.close()

    return asyncio.run(main())


def test_connecting_writes_nothing(database: Database) -> None:
    async def main() -> None:
        target = sink(database)
        assert await target.connect() == (PartitionState(),)
        await target.close()

    asyncio.run(main())
    assert database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


def test_a_commit_counts_new_rows_repeats_and_rejects_exactly(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        first = await target.commit(batch(1, chunk("a", "b", "b"), chunk("c", rejects=(reject(b"{}"),))))
        assert (first.rows, first.duplicates, first.quarantined) == (3, 1, 1)
        second = await target.commit(batch(2, chunk("c", "d", rejects=(reject(b"{}"), reject(b"{}", "other")))))
        assert (second.rows, second.duplicates, second.quarantined) == (1, 2, 1)

    opened(database, use)
    state = database.fetch("SELECT * FROM cursor_state")[0]
    assert (state["events_ingested"], state["duplicates"], state["quarantined"]) == (4, 3, 2)


def test_the_checkpoint_comes_back_as_it_was_committed(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        await target.commit(batch(7, chunk("a")))

    opened(database, use)

    assert stored(database) == (PartitionState(checkpoint=batch(7).checkpoint),)


@pytest.mark.fault(19)
def test_the_first_row_of_a_key_stays(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        await target.commit(batch(1, chunk("a")))
        other = Chunk(1, 1, 1, [], None, None, None, None, None, rows=[("a", "purchase", None, "{}")])
        await target.commit(batch(2, other))

    opened(database, use)
    assert database.value("SELECT event_type FROM ingested_events") == "click"


@pytest.mark.fault(70)
def test_a_run_that_was_taken_over_can_commit_nothing(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        await target.commit(batch(1, chunk("a")))
        # What another run does when it begins, as behind a pooler that breaks session locks.
        pool = await asyncpg.create_pool(database.dsn, min_size=1)
        await pool.execute("UPDATE cursor_state SET epoch = epoch + 1")
        await pool.close()
        with pytest.raises(LeaseLost):
            await target.commit(batch(2, chunk("b", rejects=(reject(b"{}"),))))

    opened(database, use)
    assert [row[0] for row in database.fetch("SELECT id FROM ingested_events")] == ["a"]
    assert database.value("SELECT cursor_value FROM cursor_state") == "cursor-1"
    assert database.value("SELECT count(*) FROM quarantined_events") == 0


def test_a_batch_is_stored_on_a_new_connection_when_the_old_one_is_gone(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        other = await asyncpg.connect(database.dsn)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        assert (await target.commit(batch(1, chunk("a")))).rows == 1
        assert (await target.commit(batch(2, chunk("b")))).rows == 1

    opened(database, use)
    assert database.value("SELECT count(*) FROM ingested_events") == 2


def test_staged_leftovers_never_reach_the_target(database: Database) -> None:
    async def nothing(_target: PostgresSink) -> None: ...

    opened(database, nothing)
    database.execute("INSERT INTO staging_events VALUES ('stray', 'x', NULL, '{}')")

    async def use(target: PostgresSink) -> None:
        assert (await target.commit(batch(1, chunk("a")))).rows == 1

    opened(database, use)
    assert [row[0] for row in database.fetch("SELECT id FROM ingested_events")] == ["a"]


@pytest.mark.fault(70)
def test_migrations_may_run_twice_and_side_by_side(database: Database) -> None:
    async def main() -> None:
        pool = await asyncpg.create_pool(database.dsn, min_size=1)

        async def one() -> None:
            async with pool.acquire() as connection:
                await ddl.migrate(connection)

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(one())
        await one()
        await pool.close()

    asyncio.run(main())
    assert database.value("SELECT count(*) FROM datasync_schema") == len(ddl.HISTORY.steps)


def test_a_cursor_table_of_another_program_is_kept_and_its_rows_are_not_continued(database: Database) -> None:
    database.execute(
        "CREATE TABLE cursor_state (id SERIAL PRIMARY KEY, cursor_value TEXT NOT NULL,"
        " events_ingested BIGINT NOT NULL DEFAULT 0, updated_at TIMESTAMPTZ DEFAULT now());"
        "INSERT INTO cursor_state (cursor_value) VALUES ('theirs')"
    )

    async def use(target: PostgresSink) -> None:
        await target.commit(batch(1, chunk("a")))

    opened(database, use)
    rows = database.fetch("SELECT cursor_value FROM cursor_state ORDER BY id")
    assert [row[0] for row in rows] == ["theirs", "cursor-1"]


def windowed(number: int, windows: dict[int, Window], *chunks: Chunk, complete: bool = False) -> Batch:
    return Batch(chunks, Checkpoint(f"in-{number}", None, 1, 1, 3, complete), number, windows)


def test_windows_are_stored_with_the_rows_of_their_batch_and_come_back(database: Database) -> None:
    halves = {0: Window(50, None), 1: Window(None, 50)}

    async def use(target: PostgresSink) -> None:
        await target.commit(windowed(0, halves, chunk("a")))
        await target.commit(windowed(1, {1: Window(20, 50), 2: Window(None, 20)}, chunk("b")))

    opened(database, use)
    assert stored(database) == (
        PartitionState(0, Window(50, None), Checkpoint("in-0", None, 1, 1, 3)),
        PartitionState(1, Window(20, 50), Checkpoint("in-1", None, 1, 1, 3)),
        PartitionState(2, Window(None, 20), Checkpoint(total=3)),
    )


def test_a_batch_that_fails_leaves_the_windows_as_they_were(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        halves = {0: Window(50, None), 1: Window(None, 50)}
        pool = await asyncpg.create_pool(database.dsn, min_size=1)
        await pool.execute("UPDATE cursor_state SET epoch = epoch + 1")
        await pool.close()
        with pytest.raises(LeaseLost):
            await target.commit(windowed(1, halves, chunk("b")))

    opened(database, use)
    assert stored(database) == (PartitionState(),)


def test_the_last_partition_completes_the_stream_only_if_nothing_is_missing(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        halves = {0: Window(50, None), 1: Window(None, 50)}
        first = await target.commit(windowed(0, halves, chunk("a", "b"), complete=True))
        assert (first.complete, first.missing) == (False, 0)
        short = await target.commit(windowed(1, {}, complete=True))
        assert (short.complete, short.missing) == (False, 1)
        # Any of them may have ended too early: all are asked for their last pages again.
        await target.commit(windowed(0, {}, chunk("c"), complete=True))
        last = await target.commit(windowed(1, {}, complete=True))
        assert (last.complete, last.missing) == (True, 0)

    opened(database, use)
    assert database.value("SELECT complete FROM cursor_state")
    assert all(state.checkpoint.complete for state in stored(database))


def test_a_restart_forgets_all_partitions(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        await target.commit(windowed(1, {0: Window(50, None), 1: Window(None, 50)}, chunk("a")))

    opened(database, use)

    async def restart() -> None:
        again = PostgresSink(msgspec.structs.replace(settings(database), restart=True), STREAM, PLAN)
        assert await again.connect() == await again.open() == (PartitionState(),)
        await again.close()

    asyncio.run(restart())
    assert stored(database) == (PartitionState(),)


@pytest.mark.fault(70)
def test_a_checkpoint_from_before_there_were_partitions_is_gone_on_from(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def install() -> None:
        pool = await asyncpg.create_pool(database.dsn, min_size=1)
        with monkeypatch.context() as patch:
            patch.setattr(ddl, "HISTORY", msgspec.structs.replace(ddl.HISTORY, steps=ddl.HISTORY.steps[:1]))
            async with pool.acquire() as connection:
                await ddl.migrate(connection)
        await pool.execute(
            "INSERT INTO cursor_state (stream, source, cursor_value, epoch, position, pages, served, total)"
            " VALUES ($1, 'http://unused', 'old', 3, '{\"id\": \"x\", \"ts\": 7}', 2, 20, 100)",
            STREAM,
        )
        await pool.close()

    asyncio.run(install())
    # Read as it is by `connect`, which writes nothing, and after the migration: `stored` compares the two.
    assert stored(database) == (PartitionState(0, Window(), Checkpoint("old", {"id": "x", "ts": 7}, 2, 20, 100)),)
