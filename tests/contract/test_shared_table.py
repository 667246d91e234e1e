"""The table of shared budgets and the connections to it, on a real server."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from datasync.errors import ConfigError, SchemaMismatch, SinkUnavailable
from datasync.limits.shared_row import BudgetRow, Call
from tests.desk import KEY, Desk, at_desk
from tests.support import API_KEY, Database


def test_eight_processes_at_once_lose_no_update(database: Database) -> None:
    async def drain(budget: BudgetRow, name: str) -> int:
        held = 0
        for epoch in range(1, 40):
            call = Call(
                holder=name, epoch=epoch, lease=1, heard=epoch - 1, max_slots=100, window=600.0, unused=held, want=1
            )
            held += len((await budget.call("events", call)).opens_in)
        return held

    async def main() -> list[int]:
        rows = [BudgetRow(database.dsn, KEY, connect_timeout=5) for _ in range(8)]
        # The table is not there yet, nor is the row.
        await asyncio.gather(*(row.prepare() for row in rows))
        held = await asyncio.gather(*(drain(row, str(n)) for n, row in enumerate(rows)))
        for row in rows:
            row.close()
        return held

    assert sum(asyncio.run(main())) == 100


def test_neither_the_key_nor_its_origin_is_in_the_database(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=1)
        connection = await asyncpg.connect(database.dsn)
        names = await connection.fetchval("SELECT string_agg(application_name, ' ') FROM pg_stat_activity")
        await connection.close()
        assert "datasync budget" in names
        for text in (names, str(dict(await desk.row_now()))):
            assert API_KEY not in text
            assert "example" not in text

    at_desk(database, use)


def test_a_table_in_another_shape_and_a_wrong_password_are_told_apart_from_an_outage(database: Database) -> None:
    async def prepare(dsn: str) -> None:
        await BudgetRow(dsn, KEY, connect_timeout=5).prepare()

    async def call() -> None:
        row = BudgetRow(database.dsn, KEY, connect_timeout=5)
        try:
            await row.prepare()
            await row.call("events", Call(holder="a", epoch=1, lease=0, heard=0, max_slots=1, window=1.0))
        finally:
            row.close()

    database.execute("CREATE TABLE datasync_budget (key TEXT, bucket TEXT)")
    with pytest.raises(SchemaMismatch):
        asyncio.run(call())
    with pytest.raises(ConfigError):
        asyncio.run(prepare(database.dsn.replace(database.name, "no_such_database")))


def test_after_a_lost_connection_the_next_call_makes_another(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=1)
        connection = await asyncpg.connect(database.dsn)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'datasync budget'"
        )
        await connection.close()
        with suppress(SinkUnavailable):  # if its end was not noticed yet
            await desk.call("a", in_flight=1)
        assert len((await desk.call("a", in_flight=1, want=10)).opens_in) == 9

    at_desk(database, use)
