"""The proxy that harms the database's messages: it harms the one that was meant, and no other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import pytest

from tests.support import Database
from tests.wire import Action, Cut, Fail, Message, Once, WireProxy

T = TypeVar("T")


def through(
    proxy: WireProxy, database: Database, work: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[T]]
) -> T:
    async def run() -> T:
        connection = await asyncpg.connect(proxy.dsn(database.name), timeout=10)
        try:
            return await work(connection)
        finally:
            connection.terminate()

    return asyncio.run(run())


async def store(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    async with connection.transaction():
        await connection.copy_records_to_table("numbers", records=[(n,) for n in range(1000)], columns=["n"])


def is_commit(message: Message) -> bool:
    return message.is_batch_commit


def is_committed(message: Message) -> bool:
    return message.is_batch_committed


@pytest.mark.parametrize(
    ("when", "action", "stored"), [(is_commit, Cut(), 0), (is_committed, Cut(), 1000), (None, Cut(), 1000)]
)
def test_a_cut_comes_before_or_after_the_commit_as_it_was_meant(
    database: Database, when: Callable[[Message], bool] | None, action: Cut, stored: int
) -> None:
    database.execute("CREATE TABLE numbers (n int)")
    fault = Once(when or (lambda _message: False), action)
    with WireProxy(database.dsn, fault) as proxy:
        if when is None:
            through(proxy, database, store)
        else:
            with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
                through(proxy, database, store)
    assert fault.happened() == (when is not None)
    assert database.value("SELECT count(*) FROM numbers") == stored


def test_an_injected_error_has_its_code_and_leaves_the_transaction_failed(database: Database) -> None:
    database.execute("CREATE TABLE numbers (n int)")

    def fail(_message: Message) -> Action:
        return Fail("40001")

    async def work(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        with pytest.raises(asyncpg.SerializationError):
            await store(connection)
        await store(connection)  # the same connection goes on
        count: int = await connection.fetchval("SELECT count(*) FROM numbers")
        return count

    with WireProxy(database.dsn, Once(lambda message: message.answers("COPY"), fail)) as proxy:
        assert through(proxy, database, work) == 1000


def test_connections_are_refused_with_the_code_until_they_are_let_in_again(database: Database) -> None:
    async def one(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        value: int = await connection.fetchval("SELECT 1")
        return value

    with WireProxy(database.dsn) as proxy:
        proxy.refuse = "53300"
        with pytest.raises(asyncpg.TooManyConnectionsError):
            through(proxy, database, one)
        proxy.refuse, proxy.down = None, True
        with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
            through(proxy, database, one)
        proxy.down = False
        assert through(proxy, database, one) == 1


def test_a_statement_can_be_cancelled_through_it(database: Database) -> None:
    async def sleep(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        with pytest.raises(TimeoutError):
            await connection.execute("SELECT pg_sleep(60)", timeout=0.2)
        value: int = await connection.fetchval("SELECT 1", timeout=10)  # once the server has given the other up
        return value

    with WireProxy(database.dsn) as proxy:
        assert through(proxy, database, sleep) == 1
