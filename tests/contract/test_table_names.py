"""Rows go to a table of any name and shape, made where it is missing, and looked at before anything where it is not."""

import asyncio
from typing import Literal

import pytest

from datasync.config.schema import TableSettings
from datasync.errors import ConfigError, SchemaMismatch
from datasync.model import Column, Kind
from datasync.sinks.postgres import staging
from datasync.sinks.postgres.names import MAX_BYTES, table_name
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import FREE, KEYED, commit, last, more, plan, run, settings, stores

ODD = ['say "hi"', "заказы", "a{rows}b", "select", "%s $1", "é" * 31, "events", "events_2", "x" * MAX_BYTES]


def test_a_table_of_any_name_is_made_and_filled(database: Database) -> None:
    modes: tuple[Literal["merge", "append", "replace"], ...] = ("merge", "append", "replace")
    for number, name in enumerate(ODD):
        chosen = settings(database, TableSettings(name, modes[number % 3]))
        run(chosen, use=stores(more((1, "a")), more((2, "b"), (3, None)), last((4, "d"))), stream=name)
        assert database.value(f"SELECT array_agg(id ORDER BY id) FROM {table_name(name).sql}") == [1, 2, 3, 4]
        assert database.value(f"SELECT bool_and(ingested_at IS NOT NULL) FROM {table_name(name).sql}")
    assert {row[0] for row in database.fetch("SELECT table_name FROM cursor_state")} == set(ODD)
    assert database.value("SELECT count(*) FROM ingested_events") == 0


def test_names_that_begin_alike_have_staging_tables_of_their_own() -> None:
    long = "x" * (MAX_BYTES - 1)
    names = ["ingested_events", "events", "events_2", "a", "a_2", f"{long}a", f"{long}b", "é" * 31, "é" * 30 + "aa"]
    found = [staging.first(table_name(name)).name for name in names]
    assert found[0] == "staging_events"
    assert len({f"{name}{suffix}" for name in found for suffix in ("", "_2", "_64")}) == 3 * len(names)
    assert all(len(f"{name}_64".encode()) <= MAX_BYTES for name in found)


def test_a_table_in_a_schema_is_told_from_one_of_the_same_name(database: Database) -> None:
    database.execute('CREATE SCHEMA "Sales"')
    run(settings(database, TableSettings("Sales.orders")), use=stores(last((1, "a"))), stream="one")
    run(settings(database, TableSettings("orders")), use=stores(last((2, "b"), (3, "c"))), stream="two")
    assert database.value('SELECT count(*) FROM "Sales".orders') == 1
    assert database.value("SELECT count(*) FROM public.orders") == 2


def test_a_name_that_can_not_be_a_table_of_rows_is_refused_and_nothing_is_written(database: Database) -> None:
    for name in ["nowhere.orders", "a.b.c", "", ".x", "cursor_state", "x" * (MAX_BYTES + 1)]:
        with pytest.raises(ConfigError) as caught:
            run(settings(database, TableSettings(name)))
        assert caught.value.hint
    assert database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


UNFIT = {
    "(id integer PRIMARY KEY, name text)": "not bigint",
    "(id bigint PRIMARY KEY)": "is missing",
    "(id bigint PRIMARY KEY, name varchar(10))": "not text",
    "(id bigint, name text)": "no unique key",
    "(id bigint, name text, UNIQUE (id, name))": "no unique key",
    "(id bigint UNIQUE DEFERRABLE, name text)": "no unique key",
    "(id bigint PRIMARY KEY, name text, owner text NOT NULL)": "wants a value",
    "(id bigint PRIMARY KEY, name text GENERATED ALWAYS AS ('x') STORED)": "itself fills",
    "(id bigint PRIMARY KEY, name varchar(3))": "`name` is character varying",
    '(id bigint PRIMARY KEY, name "text[]")': "not text",
}


quoting = pytest.mark.parametrize("quoted", ["off", "on"], ids=["names as usual", "all names quoted"])


def quote(database: Database, quoted: str) -> None:
    database.execute(f'ALTER DATABASE "{database.name}" SET quote_all_identifiers = {quoted}')


@quoting
def test_a_table_of_another_shape_is_refused_before_anything_is_written(database: Database, quoted: str) -> None:
    quote(database, quoted)

    async def look(table: str) -> None:
        sink = PostgresSink(settings(database, TableSettings(table)), "s", plan())
        try:
            await sink.connect()
        finally:
            await sink.close()

    database.execute('CREATE DOMAIN "text[]" AS text')  # whose name needs quotes
    for number, (definition, says) in enumerate(UNFIT.items()):
        database.execute(f"CREATE TABLE orders{number} {definition}")
        with pytest.raises(SchemaMismatch, match=says) as caught:
            asyncio.run(look(f"orders{number}"))
        assert caught.value.hint
    assert database.value("SELECT to_regclass('cursor_state') IS NULL")


def test_the_owner_s_columns_key_and_defaults_are_left_alone(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (note text DEFAULT 'n' NOT NULL, name text, id bigint UNIQUE, n serial, x int)"
    )
    run(settings(database, TableSettings("orders")), use=stores(last((1, "a"))))
    assert tuple(database.fetch("SELECT * FROM orders")[0]) == ("n", "a", 1, 1, None)


ALL: tuple[Kind, ...] = (
    *("text", "json", "jsonb", "timestamptz", "date", "bigint", "integer"),
    *("numeric", "double precision", "boolean", "uuid", "bytea", "text[]"),
)


@quoting
@pytest.mark.fault(55)
def test_a_table_that_was_made_passes_for_ours_with_columns_of_every_kind(database: Database, quoted: str) -> None:
    quote(database, quoted)
    keys: tuple[Kind, ...] = ("text", "bigint", "integer", "uuid")
    for key in keys:
        columns = (Column("id", "id", key, required=True, key=True), *(Column(kind, "x", kind) for kind in ALL))
        chosen = settings(database, TableSettings(f"of_{key}"))
        run(chosen, columns, stream=key)
        run(chosen, columns, stream=key)
    collations = "SELECT collname::text FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation"
    found = database.fetch(f"{collations} WHERE attrelid = 'of_text'::regclass AND attname = 'id'")
    assert [row[0] for row in found] == ["C"]


def test_staging_follows_when_other_columns_are_filled(database: Database) -> None:
    database.execute("CREATE TABLE orders (id bigint PRIMARY KEY, name text, size integer)")
    run(settings(database, TableSettings("orders")), use=stores(more((1, "a"), (1, "b"))))
    columns = (KEYED[0], Column("size", "size", "integer"))
    run(settings(database, TableSettings("orders")), columns, use=stores(more((1, 7), (2, 8)), more((2, 9), (3, 9))))
    assert [tuple(row) for row in database.fetch("SELECT * FROM orders ORDER BY id")] == [
        (1, "a", None),
        (2, None, 8),
        (3, None, 9),
    ]


def test_a_table_of_the_owner_s_with_the_name_of_staging_is_never_dropped(database: Database) -> None:
    database.execute("CREATE TABLE staging_orders (mine text); INSERT INTO staging_orders VALUES ('precious')")
    with pytest.raises(SchemaMismatch, match="staging_orders"):
        run(settings(database, TableSettings("orders")))
    assert database.value("SELECT mine FROM staging_orders") == "precious"


def test_a_stream_with_a_checkpoint_goes_to_no_other_table_unless_it_begins_anew(database: Database) -> None:
    run(settings(database, TableSettings("orders")), use=stores(more((1, "a"))))
    with pytest.raises(ConfigError, match="went to `orders`") as caught:
        run(settings(database, TableSettings("others")))
    assert "--restart" in (caught.value.hint or "")
    run(settings(database, TableSettings("others"), restart=True), use=stores(more((2, "b"))))
    assert database.value("SELECT table_name FROM cursor_state") == "others"


def test_two_streams_fill_two_tables_at_once(database: Database) -> None:
    async def one(number: int) -> None:
        name, columns = (("orders", KEYED), ("orders_2", FREE))[number]
        mode = TableSettings(name, "append" if number else "merge")
        sink = PostgresSink(settings(database, mode), f"s{number}", plan(columns))
        try:
            await sink.connect()
            await sink.open()
            # Every other batch brings a known key, so that both go by staging, too.
            done = await commit(sink, [more((n // 2, "x"), (n, "y")) for n in range(40)])
            assert len(done) == 40
        finally:
            await sink.close()

    async def main() -> None:
        await asyncio.gather(one(0), one(1))

    asyncio.run(main())
    assert database.value("SELECT count(*) FROM orders") == 40
    assert database.value("SELECT count(*) FROM orders_2") == 80


def test_rows_that_are_to_stay_go_to_no_table_that_those_of_another_one_pass_through(database: Database) -> None:
    run(settings(database, TableSettings("orders")), use=stores(last((1, "a"))), stream="one")
    run(settings(database, TableSettings("names", "replace")), use=stores(more((1, "a"))), stream="two")
    for name in ("staging_orders", "staging_orders_2", "names__next"):
        with pytest.raises(SchemaMismatch, match="of datasync's own") as caught:
            run(settings(database, TableSettings(name, "append")), use=stores(last((2, "b"))), stream="three")
        assert caught.value.hint
    assert database.value("SELECT count(*) FROM names__next") == 1


def test_a_table_may_be_called_as_staging_tables_are(database: Database) -> None:
    run(settings(database, TableSettings("staging_area")), use=stores(last((1, "a"))), stream="one")
    run(settings(database, TableSettings("staging_area")), use=stores(last((1, "a"))), stream="one")
    with pytest.raises(SchemaMismatch):
        run(settings(database, TableSettings("area")), use=stores(last((1, "a"))), stream="two")
    assert database.value("SELECT count(*) FROM staging_area") == 1
