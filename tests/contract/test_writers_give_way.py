"""What two writers of ours, or a third party, hold must not keep each other up where PostgreSQL sees no deadlock."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from datasync.config.schema import ConflictPolicy, WriteSettings
from datasync.sinks.postgres import checkpoint, rows
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.sink import PostgresSink
from tests.contract.test_sink_postgres import STREAM, batch, chunk, opened, settings
from tests.events import PLAN
from tests.support import Database

WAITING = (
    "SELECT count(*) FROM pg_locks"
    " WHERE relation = 'ingested_events'::regclass AND mode = 'RowExclusiveLock' AND granted"
)
QUEUED = "SELECT count(*) FROM pg_locks WHERE relation = 'ingested_events'::regclass AND NOT granted"

# Keeps repeats, so that a batch with one goes by staging, whatever the ones around it do.
NEWER = WriteSettings(on_conflict=ConflictPolicy("update_if_newer", "timestamp"))


async def until(connection: Any, query: str) -> None:
    async with asyncio.timeout(30):
        while not await connection.fetchval(query):  # noqa: ASYNC110 - another session is what changes it
            await asyncio.sleep(0.01)


@pytest.mark.fault(45, 46)
def test_a_change_of_the_table_between_two_batches_is_let_through(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rows._TupleRows.copy

    async def main() -> None:
        target = PostgresSink(msgspec.structs.replace(settings(database), write=NEWER), STREAM, PLAN)
        watch, other = await asyncpg.connect(database.dsn), await asyncpg.connect(database.dsn)
        changes: list[asyncio.Task[Any]] = []
        staged = asyncio.Event()

        async def copy(
            self: rows._TupleRows, connection: Any, table: TableName, names: Sequence[str], start: int, stop: int
        ) -> int:
            done = await real(self, connection, table, names, start, stop)
            if table.name.startswith("staging") and not changes:
                staged.set()
                # The later batch is in the table itself and waits; the change waits for it, and we wait for the change.
                await until(watch, WAITING)
                changes.append(asyncio.create_task(other.execute("ALTER TABLE ingested_events ADD COLUMN note TEXT")))
                await until(watch, QUEUED)
            return done

        try:
            await target.connect()
            await target.open()
            assert (await target.commit(batch(1, chunk("a")))).rows == 1
            monkeypatch.setattr(rows._TupleRows, "copy", copy)
            monkeypatch.setattr("datasync.sinks.postgres.writer._SETTINGS", SOON)
            earlier = asyncio.ensure_future(target.commit(batch(2, chunk("b", "c", "b"))))
            await staged.wait()
            later = await target.commit(batch(3, chunk("d")))
            done = [await earlier, later]
            assert [(one.rows, one.duplicates) for one in done] == [(2, 1), (1, 0)]
            await changes[0]
        finally:
            await target.close()
            await watch.close()
            await other.close()

    asyncio.run(main())
    assert database.value("SELECT array_agg(id ORDER BY id) FROM ingested_events") == ["a", "b", "c", "d"]


SOON = "SET LOCAL lock_timeout = '200ms'; SET LOCAL synchronous_commit = {}"


@pytest.mark.fault(46)
def test_a_backup_that_reads_the_staging_tables_keeps_nothing_up(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        backup = await asyncpg.connect(database.dsn)
        async with backup.transaction():
            await backup.execute("LOCK TABLE staging_events, staging_events_2 IN ACCESS SHARE MODE")
            # A key that is there already: by way of staging.
            done = [await target.commit(batch(n, chunk("a", f"b{n}"))) for n in range(4)]
        await backup.close()
        assert [one.rows for one in done] == [2, 1, 1, 1]

    opened(database, use)
    assert database.value("SELECT (SELECT count(*) FROM staging_events) + (SELECT count(*) FROM staging_events_2)") == 0


@pytest.mark.fault(40)
def test_a_commit_that_is_answered_meanwhile_is_not_taken_for_a_lost_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = checkpoint.read

    async def late(connection: Any, stream: str) -> checkpoint.Progress | None:
        found = await real(connection, stream)
        await asyncio.sleep(0.3)  # the answer lies in the socket while that of the other one's COMMIT is read
        return found

    async def use(target: PostgresSink) -> None:
        monkeypatch.setattr(checkpoint, "read", late)
        assert (await target.commit(batch(1, chunk("a")))).rows == 1
        assert target._store is not None
        target._store._idle._queue[1].link.cut()  # type: ignore[attr-defined]  # of whoever writes the second of the next
        done = await asyncio.gather(target.commit(batch(2, chunk("b"))), target.commit(batch(3, chunk("c"))))
        assert [one.rows for one in done] == [1, 1]

    opened(database, use)
    assert database.value("SELECT batch FROM cursor_state") == 3
