"""A server looks for its clients while it works, where it can."""

import asyncio

import asyncpg
import pytest

from datasync.postgres import abandoned
from datasync.sinks.postgres.sink import PostgresSink
from tests.contract.test_sink_postgres import batch, chunk, opened
from tests.support import Database

SHOWN = "SELECT current_setting('client_connection_check_interval')"


def test_a_server_is_told_to_look_for_one_transaction_alone(database: Database) -> None:
    async def main() -> None:
        connection = await asyncpg.connect(database.dsn)
        try:
            statement = await abandoned.noticing(connection)
            assert await connection.fetchval(SHOWN) == "0"
            async with connection.transaction():
                await connection.execute(statement)
                assert await connection.fetchval(SHOWN) == "1s"
            async with connection.transaction():
                await abandoned.notice(connection)
                assert await connection.fetchval(SHOWN) == "1s"
            assert await connection.fetchval(SHOWN) == "0"
        finally:
            await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "refused",
    ["SELECT set_config('client_connection_check_interval', '-1', true)", "SELECT set_config('unknown', '1s', true)"],
    ids=["the platform can't", "the version can't"],
)
def test_a_server_that_cannot_look_takes_the_rows_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    monkeypatch.setattr(abandoned, "_LOOK", refused)

    async def use(target: PostgresSink) -> None:
        assert (await target.commit(batch(1, chunk("a", "b")))).rows == 2

    opened(database, use)
    assert database.value("SELECT count(*) FROM ingested_events") == 2
