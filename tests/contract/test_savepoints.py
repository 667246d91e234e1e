"""However many rows of a batch the database refuses, its transaction is as deep at the end as at the beginning."""

import asyncio

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from datasync.config.schema import TableSettings
from datasync.model import Batch, Checkpoint, Column
from datasync.sinks.postgres import replayed_rows
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.replayed_rows import Passed, Place
from datasync.sinks.postgres.savepoint import savepoint
from datasync.sinks.postgres.sink import PostgresSink
from tests.contract.test_children import COLUMNS as PARENTS
from tests.contract.test_children import SPEC, chunk
from tests.support import Database
from tests.tables import commit, more, run, settings

COLUMNS = (Column("id", "id", "bigint", required=True, key=True), Column("n", "n", "bigint"))

LEVELS = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND pid = pg_backend_pid()"
"""Of a transaction and what is open in it: each that has written holds a lock on its own number."""

WATCH = f"""
CREATE TABLE levels (open BIGINT);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO levels {LEVELS.replace("'", "''")};
    RETURN NULL; END';
CREATE TRIGGER watch AFTER INSERT ON t EXECUTE FUNCTION watch()
"""

NESTED = 3
"""The transaction, the batch in it, and what is tried of the batch."""


def deepest(database: Database) -> int:
    found: int = database.value("SELECT max(open) FROM levels")
    return found


def test_what_fails_is_taken_back_and_leaves_no_level_open(database: Database) -> None:
    database.execute("CREATE TABLE t (n INT CHECK (n >= 0))")

    async def story(tried: list[tuple[int, bool]]) -> None:
        connection = await asyncpg.connect(database.dsn)
        outer = connection.transaction()
        await outer.start()
        try:
            for number, kept in tried:
                try:
                    async with savepoint(connection), savepoint(connection) as inner:
                        if not kept:
                            inner.take_back()
                        await connection.execute("INSERT INTO t VALUES ($1)", number)
                except asyncpg.CheckViolationError:
                    assert number < 0
            stored = [row[0] for row in await connection.fetch("SELECT n FROM t")]
            assert sorted(stored) == sorted(number for number, kept in tried if kept and number >= 0)
            assert await connection.fetchval(LEVELS) <= 1
        finally:
            await outer.rollback()
            await connection.close()

    @examples(max_examples=20)
    @given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=8))
    def check(tried: list[tuple[int, bool]]) -> None:
        asyncio.run(story(tried))

    check()


@pytest.mark.parametrize("mode", ["merge", "append"])
def test_hundreds_of_refused_rows_leave_no_level_open(database: Database, mode: str) -> None:
    database.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT CHECK (n > 0));" + WATCH)

    async def use(sink: PostgresSink) -> None:
        (done,) = await commit(sink, [more(*((n, n % 2) for n in range(1000)))])
        assert (done.rows, done.quarantined) == (500, 500)

    chosen = settings(database, TableSettings("t", mode=mode))  # type: ignore[arg-type]
    run(chosen, COLUMNS if mode == "merge" else (Column("id", "id", "bigint"), COLUMNS[1]), use)
    assert deepest(database) <= NESTED


def test_records_whose_elements_are_refused_leave_no_level_open(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders_items (parent_key BIGINT, position INTEGER, item TEXT CHECK (item <> 'z'),"
        " PRIMARY KEY (parent_key, position));" + WATCH.replace(" ON t ", " ON orders_items ")
    )

    async def use(sink: PostgresSink) -> None:
        batch = Batch([chunk([(n, 0, ["z" if n % 2 else "x"]) for n in range(120)])], Checkpoint("c"))
        (done,) = await commit(sink, [batch])
        assert (done.rows, done.quarantined) == (60, 60)

    run(settings(database, TableSettings("orders"), spec=SPEC), PARENTS, use)
    assert deepest(database) <= NESTED


def test_replayed_rows_that_are_refused_leave_no_level_open(database: Database) -> None:
    database.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT CHECK (n > 0))")

    async def main() -> None:
        connection = await asyncpg.connect(database.dsn)
        async with connection.transaction():
            rows = {n: Passed((n, n % 2)) for n in range(200)}
            into = Place(TableName("t"), keyed=True)
            stored, refused = await replayed_rows.insert(connection, into, COLUMNS, rows)
            assert (stored, len(refused)) == (100, 100)
            assert await connection.fetchval(LEVELS) == 1
        await connection.close()

    asyncio.run(main())
