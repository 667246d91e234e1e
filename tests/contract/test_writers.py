"""How many connections write, and what they need."""

import asyncio
import socket
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from datasync.config import Secret
from datasync.errors import SchemaMismatch
from datasync.model import Committed
from datasync.sinks.postgres import rows
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.sink import PostgresSink
from datasync.sinks.postgres.writer import Writer
from tests.contract.test_sink_postgres import STREAM, batch, chunk, opened, settings
from tests.events import PLAN
from tests.support import Database


def test_two_connections_write_each_into_a_staging_table_of_its_own(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        assert target.writers == 2
        told: list[int] = []

        async def commit(number: int, work: Awaitable[Committed]) -> None:
            assert (await work).rows == 2
            told.append(number)

        # The second one meets a known key, so that both ways in take turns.
        keys = [("a", "b"), ("a", "c", "d"), *((f"{n}a", f"{n}b") for n in range(18))]
        works = [target.commit(batch(n, chunk(*some))) for n, some in enumerate(keys)]
        await asyncio.gather(*(commit(n, work) for n, work in enumerate(works)))
        assert told == list(range(20)), "results come in the order of the batches"

    opened(database, use)
    tables = database.fetch("SELECT relname, relpersistence FROM pg_class WHERE relname LIKE 'staging%' ORDER BY 1")
    assert [tuple(row) for row in tables] == [("staging_events", b"u"), ("staging_events_2", b"u")]
    assert database.value("SELECT (events_ingested, batch) = (40, 20) FROM cursor_state")


@pytest.mark.fault(49)
@pytest.mark.parametrize("change", ["DROP TABLE staging_events_2", "REVOKE INSERT ON staging_events_2 FROM {role}"])
def test_without_a_right_that_a_second_staging_table_needs_one_connection_writes(
    database: Database, change: str
) -> None:
    async def nothing(_target: PostgresSink) -> None: ...

    opened(database, nothing)
    role = f"{database.name}_least"
    database.execute(
        f"CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role};"
        + change.format(role=role)
    )
    dsn = database.dsn.replace("postgres@", f"{role}@", 1)

    async def main() -> int:
        target = PostgresSink(
            msgspec.structs.replace(settings(database), database_url=Secret(dsn, source="t")), STREAM, PLAN
        )
        try:
            await target.connect()
            with capture_logs() as lines:
                await target.open()
            assert [line["event"] for line in lines] == ["one writer less"]
            done = await asyncio.gather(*[target.commit(batch(n, chunk(f"{n}"))) for n in range(3)])
            assert [one.rows for one in done] == [1, 1, 1]
            return target.writers
        finally:
            await target.close()

    try:
        assert asyncio.run(main()) == 1
    finally:
        database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_rows_of_a_first_load_go_straight_into_the_table_until_keys_are_known(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[str] = []
    real = rows._TupleRows.copy

    async def copy(
        self: rows._TupleRows, connection: Any, table: TableName, names: Sequence[str], start: int, stop: int
    ) -> int:
        tables.append("target" if table.name == "ingested_events" else "staging")
        return await real(self, connection, table, names, start, stop)

    async def use(target: PostgresSink) -> None:
        monkeypatch.setattr(rows._TupleRows, "copy", copy)
        for number, keys in enumerate(["ab", "bc", "de", "ef", "fg", "hi"]):
            await target.commit(batch(number, chunk(*keys)))

    opened(database, use)
    # A known key takes a batch through staging; after the second such batch in a row all go there.
    assert tables == [
        "target",
        *["target", "staging"],
        "target",
        *["target", "staging"],
        *["target", "staging"],
        "staging",
    ]
    assert database.value("SELECT count(*) FROM ingested_events") == 9


def test_the_second_batch_of_a_first_load_is_sent_before_the_first_one_has_begun(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = asyncio.Event()
    real, begin = rows._TupleRows.copy, Writer.begin
    begun: list[Writer] = []

    async def copy(
        self: rows._TupleRows, connection: Any, table: TableName, names: Sequence[str], start: int, stop: int
    ) -> int:
        sent.set()
        return await real(self, connection, table, names, start, stop)

    async def begin_second(self: Writer, *, last: bool) -> None:
        begun.append(self)
        if len(begun) == 1:
            await sent.wait()
        await begin(self, last=last)

    async def use(target: PostgresSink) -> None:
        monkeypatch.setattr(rows._TupleRows, "copy", copy)
        monkeypatch.setattr(Writer, "begin", begin_second)
        async with asyncio.timeout(10):
            await asyncio.gather(target.commit(batch(1, chunk("a", "b"))), target.commit(batch(2, chunk("c", "d"))))

    opened(database, use)
    assert database.value("SELECT count(*) FROM ingested_events") == 4


def test_a_sink_whose_tables_cannot_be_made_leaves_no_connection_behind(database: Database) -> None:
    database.execute("CREATE TABLE datasync_schema (version INTEGER); INSERT INTO datasync_schema VALUES (99)")

    async def main() -> None:
        target = PostgresSink(settings(database), STREAM, PLAN)
        try:
            # The version is looked at by `connect` already; here it is met by `open`, the second connection on its way.
            await target._link.open()
            with pytest.raises(SchemaMismatch):
                await target.open()
        finally:
            await target.close()
        assert len(asyncio.all_tasks()) == 1
        assert not any(link.usable for link in target._links)

    asyncio.run(main())


def test_a_unix_socket_holds_more_than_it_would(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        for link in target._links:
            connection: Any = link.connection
            found = connection._transport.get_extra_info("socket")
            with socket.socket(socket.AF_UNIX) as other:
                usual = other.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > usual

    opened(database, use)


def test_a_connection_that_was_begun_early_is_made_again_at_once(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        for link in target._links:
            await link.renew()
            assert await link.connection.fetchval("SELECT 1") == 1

    opened(database, use)


@pytest.mark.fault(49)
def test_a_staging_table_that_may_not_be_truncated_is_emptied_all_the_same(database: Database) -> None:
    async def twice(target: PostgresSink) -> None:
        for number in range(4):  # a key that is known: by way of staging
            await target.commit(batch(number, chunk("a", f"{number}")))

    opened(database, twice)
    role = f"{database.name}_least"
    database.execute(
        f"CREATE ROLE {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};"
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}; TRUNCATE ingested_events"
    )
    mark = "&" if "?" in database.dsn else "?"
    try:
        opened(replace(database, dsn=f"{database.dsn}{mark}role={role}"), twice)
    finally:
        database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert database.value("SELECT count(*) FROM ingested_events") == 5
    assert database.value("SELECT (SELECT count(*) FROM staging_events) + (SELECT count(*) FROM staging_events_2)") == 0
