"""Where the database's default is stricter than READ COMMITTED, those who begin together see each other's work."""

import asyncio

import asyncpg
import pytest

from datasync.config.schema import TableSettings, WriteSettings
from datasync.limits.shared_row import BudgetRow, Call, key_of
from datasync.postgres.migrate import _LOCK
from datasync.sinks.postgres import ddl
from datasync.sinks.postgres.forget import forget
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import more, plan, run, settings, stores

KEY = key_of("https://api.example.com", "unused")
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture(params=["repeatable read", "serializable"])
def strict(database: Database, request: pytest.FixtureRequest) -> Database:
    """A database with such a default."""
    database.execute(f"ALTER DATABASE \"{database.name}\" SET default_transaction_isolation = '{request.param}'")
    return database


async def _until_somebody_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    async with asyncio.timeout(30):
        while not await connection.fetchval(WAITS):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)


@pytest.mark.fault(45, 55)
def test_tables_that_another_one_makes_meanwhile_are_taken_as_they_are(strict: Database) -> None:
    async def main() -> None:
        first, second, third = [await asyncpg.connect(strict.dsn) for _ in range(3)]
        try:
            async with first.transaction(isolation="read_committed"):
                await first.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                waiting = asyncio.ensure_future(ddl.migrate(second))
                await _until_somebody_waits(third)
                await ddl.migrate(first)
            await waiting
            assert await ddl.installed_version(second) == len(ddl.HISTORY.steps)
        finally:
            for connection in (first, second, third):
                await connection.close()

    asyncio.run(main())


@pytest.mark.fault(45, 55)
def test_streams_that_begin_together_with_one_new_table_all_store_their_rows(strict: Database) -> None:
    async def one(number: int) -> int:
        table = TableSettings(name="t")
        sink = PostgresSink(settings(strict, table, write=WriteSettings(writers=1)), f"s{number}", plan())
        try:
            await sink.connect()
            await sink.open()
            return (await sink.commit(more((number, "x")))).rows
        finally:
            await sink.close()

    async def main() -> list[int]:
        return await asyncio.gather(*map(one, range(6)))

    assert asyncio.run(main()) == [1] * 6
    assert strict.value("SELECT count(*) FROM t") == 6


@pytest.mark.fault(45, 55)
def test_processes_that_share_a_limit_all_have_their_answer(strict: Database) -> None:
    rows = [BudgetRow(strict.dsn, KEY, connect_timeout=10) for _ in range(6)]

    async def one(number: int) -> int:
        row = rows[number]
        await row.prepare()
        slots = 0
        for epoch in range(1, 11):
            call = Call(
                holder=str(number),
                epoch=epoch,
                lease=0,
                heard=epoch - 1,
                max_slots=30,
                window=600.0,
                in_flight=slots,
                want=1,
            )
            turn = await row.call("events", call)
            slots += len(turn.opens_in)
        return slots

    async def main() -> int:
        try:
            return sum(await asyncio.gather(*map(one, range(6))))
        finally:
            for row in rows:
                row.close()

    assert 0 < asyncio.run(main()) <= 30


@pytest.mark.fault(45, 55)
def test_a_stream_is_forgotten_though_its_row_was_written_while_that_waited(strict: Database) -> None:
    run(settings(strict, TableSettings(name="t")), use=stores(more((1, "x"))))

    async def main() -> int:
        first, second, third = [await asyncpg.connect(strict.dsn) for _ in range(3)]
        try:
            async with first.transaction():
                await first.execute("UPDATE cursor_state SET updated_at = now()")
                waiting = asyncio.ensure_future(forget(second, "s"))
                await _until_somebody_waits(third)
            return (await waiting).epoch
        finally:
            for connection in (first, second, third):
                await connection.close()

    assert asyncio.run(main()) == strict.value("SELECT epoch FROM cursor_state")
