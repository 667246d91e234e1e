"""Databases that an older version has left, and connections that nobody can count on."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from datasync.errors import SinkUnavailable
from datasync.model import PartitionState
from datasync.sinks.postgres import ddl, reconcile
from datasync.sinks.postgres import sink as sinks
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.names import TableName
from tests.contract.test_sink_postgres import settings, sink
from tests.support import Database


def left_by(database: Database, version: int) -> None:
    """Tables of a version, with a stream that was served four records, of which one came to quarantine twice."""
    for number, statements in enumerate(ddl.HISTORY.steps[:version], start=1):
        database.execute(statements)
        database.execute("CREATE TABLE IF NOT EXISTS datasync_schema (version INTEGER PRIMARY KEY)")
        database.execute(f"INSERT INTO datasync_schema VALUES ({number})")
    seen = ", duplicates) VALUES ('s', 'http://unused', 'c', 1, 4, 2, 1, 1)" if version >= ddl.COUNTS_SINCE else None
    database.execute(
        "INSERT INTO cursor_state (stream, source, cursor_value, epoch, served, events_ingested, quarantined"
        + (seen or ") VALUES ('s', 'http://unused', 'c', 1, 4, 2, 1)")
    )
    database.execute("INSERT INTO ingested_events (id, data) VALUES ('a', '1'), ('b', '1')")
    database.execute(
        "INSERT INTO quarantined_events (stream, record_index, byte_offset, code, detail, raw)"
        " VALUES ('s', 0, 0, 'code', 'why', 'raw')"
    )


@pytest.mark.parametrize("version", range(1, len(ddl.HISTORY.steps) + 1))
def test_a_stream_of_any_older_version_is_accounted_for_after_the_upgrade(database: Database, version: int) -> None:
    left_by(database, version)

    async def main() -> tuple[int, int]:
        connection = await asyncpg.connect(database.dsn)
        try:
            table = TableName("ingested_events")
            before = await reconcile.missing(connection, "s", table, keyed=True, version=version)
            for _ in range(2):
                await ddl.migrate(connection)
            await reconcile.check_counts(connection, "s")
            return before, await reconcile.missing(connection, "s", table, keyed=True)
        finally:
            await connection.close()

    assert asyncio.run(main()) == (0, 0)
    database.execute("UPDATE cursor_state SET total = 4")
    assert asyncio.run(_missing(database)) == 1


async def _missing(database: Database) -> int:
    connection = await asyncpg.connect(database.dsn)
    try:
        return await reconcile.missing(connection, "s", TableName("ingested_events"), keyed=True)
    finally:
        await connection.close()


def test_a_lock_that_is_not_given_before_a_run_begins_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "_PATIENT", "SELECT set_config('lock_timeout', '50ms', true)")

    async def main() -> Sequence[PartitionState]:
        run = sink(database)
        other = await asyncpg.connect(database.dsn)
        try:
            await _begun(database)
            await run.connect()
            holding = other.transaction()
            await holding.start()
            await other.execute("LOCK TABLE cursor_state IN SHARE MODE")
            opening = asyncio.ensure_future(run.open())
            done, _ = await asyncio.wait([opening], timeout=0.5)
            assert not done
            await holding.rollback()
            return await opening
        finally:
            await run.close()
            await other.close()

    assert asyncio.run(main())


async def _begun(database: Database) -> None:
    first = sink(database)
    try:
        await first.connect()
        await first.open()
    finally:
        await first.close()


def test_a_process_that_nobody_listens_to_is_ended_once_there_is_a_connection_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        link = Link(settings(database))
        orphan = await asyncpg.connect(database.dsn)
        try:
            await link.open()
            # As if it were this one's, and its end had not been heard of.
            pid = orphan.get_server_pid()
            start = await link.connection.fetchval("SELECT backend_start FROM pg_stat_activity WHERE pid = $1", pid)
            link._server_process = pid, start
            with monkeypatch.context() as patch:
                patch.setattr(Link, "_connect", _refused)
                with pytest.raises(SinkUnavailable):
                    await link.renew()
            await link.renew()
            there = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
            ended = False
            for _ in range(1000):
                if ended := not await link.connection.fetchval(there, pid):
                    break
                await asyncio.sleep(0.01)
            assert ended
        finally:
            orphan.terminate()
            await link.close()

    asyncio.run(main())


async def _refused(_link: Link) -> None:
    raise ConnectionRefusedError("for the test")


def test_a_second_attempt_to_open_leaves_no_task_of_the_first_behind(database: Database) -> None:
    async def main() -> None:
        link = Link(settings(database))
        link.open_soon()
        link.open_soon()
        await link.open()
        await link.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.parametrize("version", range(1, len(ddl.HISTORY.steps)))
def test_an_upgrade_keeps_to_the_schema_in_which_the_tables_are(database: Database, version: int) -> None:
    left_by(database, version)
    database.execute(f'CREATE SCHEMA a; ALTER DATABASE "{database.name}" SET search_path = a, public')
    asyncio.run(_migrated(database))
    asyncio.run(_migrated(database))
    assert database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'a'::regnamespace") == 0
    assert database.value("SELECT max(version) FROM public.datasync_schema") == len(ddl.HISTORY.steps)
    assert database.value("SHOW search_path") == "a, public"


def test_a_table_of_the_owner_is_the_target_in_whatever_schema_it_is(database: Database) -> None:
    database.execute(
        'CREATE TABLE ingested_events (id text PRIMARY KEY, event_type text, "timestamp" timestamptz,'
        " data jsonb NOT NULL);"
        f'CREATE SCHEMA a; ALTER DATABASE "{database.name}" SET search_path = a, public'
    )
    asyncio.run(_migrated(database))
    found = database.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'a'::regnamespace AND relkind = 'r'")
    assert {row[0] for row in found} >= {"cursor_state", "datasync_schema"}
    assert "ingested_events" not in {row[0] for row in found}


async def _migrated(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn)
    try:
        await ddl.migrate(connection)
    finally:
        await connection.close()
