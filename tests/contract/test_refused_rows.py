"""What the server refuses and the core let pass."""

import asyncio
from typing import Literal

import asyncpg
import msgspec
import pytest

from datasync.config.schema import ConflictPolicy, TableSettings, WriteSettings
from datasync.errors import RowsRefused, SchemaMismatch
from datasync.model import Chunk, Column, EncoderPlan
from datasync.pipeline.lanes import FastLane
from datasync.sinks.postgres.sink import PostgresSink
from tests import tables
from tests.contract.test_sink_postgres import STREAM, batch, chunk, opened, reject, settings
from tests.support import Database
from tests.tables import commit, more, run

ID = Column("id", "id", "text", required=True, key=True)
NUMBER = Column("n", "n", "bigint")


def test_a_row_that_the_server_refuses_is_quarantined_and_the_rest_is_stored(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        bad = Chunk(1, 1, 1, [], None, None, None, None, None, rows=[("b", None, None, '{"a":"\\u0000"}')])
        done = await target.commit(batch(1, chunk("a", rejects=(reject(b"{}"),)), bad, chunk("c")))
        assert (done.rows, done.duplicates, done.quarantined) == (2, 0, 2)

    opened(database, use)
    assert database.value("SELECT array_agg(id ORDER BY id) FROM ingested_events") == ["a", "c"]
    assert database.value("SELECT array_agg(code ORDER BY id) FROM quarantined_events") == [
        "required_missing",
        "sql_22p05",
    ]


def test_a_table_that_refuses_everything_ends_the_run_and_keeps_nothing(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        pool = await asyncpg.create_pool(database.dsn)
        await pool.execute("ALTER TABLE ingested_events ADD CHECK (id = 'none')")
        await pool.close()
        with pytest.raises(RowsRefused, match="refused each of the first 100 records"):
            await target.commit(batch(1, chunk(*map(str, range(150)), rejects=(reject(b"{}"),))))

    opened(database, use)
    assert database.value("SELECT count(*) FROM ingested_events") == 0
    assert database.value("SELECT count(*) FROM quarantined_events") == 0
    assert database.value("SELECT batch FROM cursor_state") == 0


def test_a_hundred_refused_rows_at_the_lowest_keys_do_not_stand_for_all(database: Database) -> None:
    async def use(target: PostgresSink) -> None:
        pool = await asyncpg.create_pool(database.dsn)
        await pool.execute("ALTER TABLE ingested_events ADD CHECK (id >= '120')")
        await pool.close()
        done = await target.commit(batch(1, chunk(*(f"{number:03}" for number in range(300)))))
        assert (done.rows, done.quarantined) == (180, 120)

    opened(database, use)
    assert database.value("SELECT count(*) FROM ingested_events") == 180
    assert database.value("SELECT count(*) FROM quarantined_events WHERE code = 'sql_23514'") == 120


def test_a_table_of_the_users_that_is_called_like_a_staging_table_is_never_emptied(database: Database) -> None:
    database.execute(
        "CREATE TABLE staging_events (id TEXT, event_type TEXT, timestamp TIMESTAMPTZ, data JSONB NOT NULL);"
        "INSERT INTO staging_events (id, data) VALUES ('theirs', '1')"
    )

    async def use(target: PostgresSink) -> None:
        raise AssertionError(target)

    with pytest.raises(SchemaMismatch, match="staging_events"):
        opened(database, use)
    assert database.value("SELECT count(*) FROM staging_events") == 1


@pytest.mark.parametrize(
    "columns",
    [(ID, NUMBER), (ID, NUMBER, Column("rest", "", "jsonb", source="rest")), (ID, Column("data", "", "jsonb"))],
)
def test_a_refused_row_goes_to_quarantine_as_the_record_that_came(
    database: Database, columns: tuple[Column, ...]
) -> None:
    database.execute(
        f"CREATE TABLE ingested_events (id TEXT PRIMARY KEY {', n BIGINT' if NUMBER in columns else ''}"
        f"{''.join(f', {column.name} JSONB' for column in columns if column.kind == 'jsonb')}, CHECK (id <> 'b'))"
    )
    plan = EncoderPlan(records="data", columns=columns)
    bad = b'{"n": 2,  "other": [1.50, "\\u00e4"], "id":"b"}'
    body = b'{"data": [{"id":"a","n":1}, {"id":"x","n":"no"}, ' + bad + b', {"id":"c","n":3}]}'

    async def main() -> None:
        target = PostgresSink(settings(database), STREAM, plan)
        await target.connect()
        await target.open()
        try:
            await target.commit(batch(1, FastLane(plan).encode(body, cursor=None, now_us=0)))
        finally:
            await target.close()

    asyncio.run(main())
    found = database.fetch("SELECT record_index, raw FROM quarantined_events WHERE code = 'sql_23514'")
    assert [tuple(row) for row in found] == [(2, bad)]


@pytest.mark.parametrize("rule", ["nothing", "update", "update_if_changed"])
def test_a_refused_row_gives_its_place_to_the_next_of_its_key(database: Database, rule: Literal["nothing"]) -> None:
    plan = EncoderPlan(records="", columns=(ID, NUMBER))
    database.execute("CREATE TABLE ingested_events (id TEXT PRIMARY KEY, n BIGINT CHECK (n > 0))")
    # Both of b are refused; of a two are, before or behind the good one.
    numbers = [-1, -2, 3] if rule == "nothing" else [3, -1, -2]
    body = msgspec.json.encode([*({"id": "a", "n": n} for n in numbers), {"id": "b", "n": -3}, {"id": "b", "n": -4}])

    async def main() -> None:
        write = WriteSettings(on_conflict=ConflictPolicy(rule))
        target = PostgresSink(msgspec.structs.replace(settings(database), write=write), STREAM, plan)
        await target.connect()
        await target.open()
        try:
            done = await target.commit(batch(1, FastLane(plan).encode(body, cursor=None, now_us=0)))
            assert (done.rows, done.updated, done.unchanged, done.duplicates, done.quarantined) == (1, 0, 0, 0, 4)
        finally:
            await target.close()

    asyncio.run(main())
    assert [tuple(row) for row in database.fetch("SELECT id, n FROM ingested_events")] == [("a", 3)]


@pytest.mark.parametrize("names", [False, True], ids=["plain", "naming itself"])
def test_rows_that_are_there_already_are_no_sign_of_a_table_that_refuses_everything(
    database: Database, names: bool
) -> None:
    reference = "REFERENCES t" if names else ""
    database.execute(f"CREATE TABLE t (id BIGINT PRIMARY KEY, up BIGINT {reference}, n BIGINT CHECK (n < 1000))")
    key = Column("id", "id", "bigint", required=True, key=True)
    columns = (key, Column("up", "up", "bigint"), NUMBER)

    async def use(sink: PostgresSink) -> None:
        (first,) = await commit(sink, [more(*((n, None, n) for n in range(250)))])
        (again,) = await commit(sink, [more(*((n, None, n) for n in range(250)))])
        (some,) = await commit(sink, [more(*((n, None, n + 750) for n in range(300)))])
        assert (first.rows, again.rows, again.refused, some.rows, some.refused) == (250, 0, 250, 0, 300)

    run(tables.settings(database, TableSettings("t", "append")), columns, use)
    assert database.value("SELECT array_agg(DISTINCT code ORDER BY code) FROM quarantined_events") == [
        "sql_23505",
        "sql_23514",
    ]


def test_a_table_that_refuses_everything_ends_the_run_though_it_has_some_of_the_rows(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (id BIGINT UNIQUE, n BIGINT); INSERT INTO t VALUES (20, 0);"
        "ALTER TABLE t ADD CHECK (n < 0) NOT VALID"
    )

    async def use(sink: PostgresSink) -> None:
        await commit(sink, [more(*((n, -1 if n == 20 else n) for n in range(200)))])

    with pytest.raises(RowsRefused, match="refused each"):
        run(tables.settings(database, TableSettings("t", "append")), (Column("id", "id", "bigint"), NUMBER), use)
