"""What each mode leaves in the table, held against a few lines of Python; and what a reader sees meanwhile."""

import asyncio
from collections import Counter
from typing import Any, Literal

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from datasync.config.schema import RoundSettings, TableSettings, WriteSettings
from datasync.errors import ConfigError, RowsMissing, SchemaMismatch
from datasync.model import Checkpoint
from tests.support import Database
from tests.tables import FREE, KEYED, last, more, run, settings, stores

Rows = list[tuple[int, str]]
Mode = Literal["merge", "append", "replace"]

rows = st.lists(st.tuples(st.integers(0, 6), st.sampled_from("xyz")), max_size=6)
runs = st.lists(st.lists(rows, min_size=1, max_size=3), min_size=1, max_size=3)
ROUNDS = RoundSettings(again=True)


def expected(mode: Mode, *, keyed: bool, story: list[list[Rows]]) -> Counter[tuple[int, str]]:
    """The table after runs of batches, each run read to its end."""
    table: list[tuple[int, str]] = []
    for batches in story:
        into: list[tuple[int, str]] = [] if mode == "replace" else table
        for row in (row for batch in batches for row in batch):
            if mode == "append" or not keyed or row[0] not in {key for key, _ in into}:
                into.append(row)
        table = into
    return Counter(table)


@pytest.mark.parametrize(
    ("mode", "keyed"), [("merge", True), ("append", True), ("append", False), ("replace", True), ("replace", False)]
)
def test_a_table_holds_what_its_mode_says_after_any_runs(database: Database, mode: Mode, keyed: bool) -> None:
    columns = KEYED if keyed else FREE

    @examples(max_examples=3)
    @given(runs)
    def check(story: list[list[Rows]]) -> None:
        database.execute("DROP TABLE IF EXISTS orders, orders__next")
        for number, batches in enumerate(story):
            chosen = settings(database, TableSettings("orders", mode), rounds=ROUNDS, restart=number == 0)
            run(chosen, columns, stores(*(more(*batch) for batch in batches[:-1]), last(*batches[-1])))
        found = Counter((row[0], row[1]) for row in database.fetch("SELECT id, name FROM orders"))
        assert found == expected(mode, keyed=keyed, story=story)
        assert database.value("SELECT to_regclass('orders__next') IS NULL")
        assert database.value("SELECT complete FROM cursor_state")

    check()


def test_a_row_that_is_appended_against_the_table_s_own_key_is_quarantined(database: Database) -> None:
    database.execute("CREATE TABLE orders (id bigint PRIMARY KEY, name text)")
    run(settings(database, TableSettings("orders", "append")), FREE, stores(more((1, "a")), more((1, "b"), (2, "c"))))
    assert [tuple(row) for row in database.fetch("SELECT * FROM orders ORDER BY id")] == [(1, "a"), (2, "c")]
    assert database.value("SELECT code FROM quarantined_events") == "sql_23505"


@pytest.mark.parametrize(
    "owner",
    [
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY",
        "CREATE RULE more AS ON INSERT TO orders DO ALSO NOTIFY inserted",
    ],
    ids=["row security", "rule"],
)
def test_where_copy_would_pass_over_the_owner_s_rules_rows_are_appended_by_insert(
    database: Database, owner: str
) -> None:
    database.execute(f"CREATE TABLE orders (id bigint, name text); {owner}")
    run(settings(database, TableSettings("orders", "append")), FREE, stores(more((1, "a")), more((1, "a"))))
    assert database.value("SELECT count(*) FROM orders") == 2
    assert database.value("SELECT count(*) FROM staging_orders") == 0


def test_an_end_that_is_not_proven_appends_nothing_that_would_come_twice(database: Database) -> None:
    chosen = settings(database, TableSettings("orders", "append"))
    with pytest.raises(RowsMissing, match="1 records"):
        run(chosen, FREE, stores(more((1, "a"), to=Checkpoint("one", total=3)), last((2, "b"))))
    (begun,) = run(chosen, FREE, stores(last((2, "b"), (3, "c"))))
    assert begun.checkpoint.cursor == "one"
    assert database.value("SELECT array_agg(id ORDER BY id) FROM orders") == [1, 2, 3]


def test_replacing_leaves_the_owner_s_table_in_its_place(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (id bigint PRIMARY KEY, name text, note text);"
        "INSERT INTO orders VALUES (1, 'old', 'mine'), (2, 'gone', 'mine');"
        "CREATE TABLE lines (id bigint REFERENCES orders); INSERT INTO lines VALUES (1);"
        "CREATE VIEW names AS SELECT name FROM orders; GRANT SELECT ON orders TO PUBLIC"
    )
    before = database.value("SELECT (oid, relacl)::text FROM pg_class WHERE relname = 'orders'")
    run(settings(database, TableSettings("orders", "replace")), use=stores(more((1, "new")), last((3, "c"))))
    assert database.value("SELECT (oid, relacl)::text FROM pg_class WHERE relname = 'orders'") == before
    assert [row[0] for row in database.fetch("SELECT * FROM names ORDER BY 1")] == ["c", "new"]
    assert database.value("SELECT note FROM orders WHERE id = 1") == "mine"


def test_an_interrupted_run_goes_on_and_readers_see_the_old_rows_until_its_end(database: Database) -> None:
    chosen = settings(database, TableSettings("orders", "replace"), rounds=ROUNDS)
    run(chosen, use=stores(last((1, "old"), (2, "old"))))
    run(chosen, use=stores(more((1, "new"))))
    assert database.value("SELECT array_agg(name) FROM orders") == ["old", "old"]
    with pytest.raises(ConfigError, match="about to replace"):
        run(settings(database, TableSettings("orders"), rounds=ROUNDS))
    (begun,) = run(chosen, use=stores(last((3, "new"))))
    assert begun.checkpoint.cursor == "on"
    assert [tuple(row) for row in database.fetch("SELECT id, name FROM orders ORDER BY 1")] == [(1, "new"), (3, "new")]
    run(chosen, use=stores(more((8, "left"))))
    run(settings(database, TableSettings("orders", "replace"), restart=True), use=stores(last((9, "anew"))))
    assert database.value("SELECT array_agg(id) FROM orders") == [9]
    run(chosen, use=stores(more((8, "left"))))
    for restart in (True, False):
        run(settings(database, TableSettings("orders"), restart=restart), use=stores(more((10, "merged"))))
    assert database.value("SELECT array_agg(id ORDER BY id) FROM orders") == [9, 10]


def test_rows_that_were_gathered_and_are_gone_keep_the_old_ones_in_place(database: Database) -> None:
    chosen = settings(database, TableSettings("orders", "replace"), rounds=ROUNDS)
    run(chosen, use=stores(last((1, "old"))))
    run(chosen, use=stores(more((1, "new"))))
    database.execute("DROP TABLE orders__next")
    with pytest.raises(RowsMissing, match="orders__next"):
        run(chosen)
    assert database.value("SELECT name FROM orders") == "old"


def test_a_table_of_somebody_else_where_rows_would_gather_is_not_touched(database: Database) -> None:
    chosen = settings(database, TableSettings("orders", "replace"))
    run(chosen, use=stores(more((1, "a"))))
    with pytest.raises(SchemaMismatch, match="orders__next"):
        run(chosen, stream="other")
    database.execute("COMMENT ON TABLE orders__next IS 'mine'")
    with pytest.raises(SchemaMismatch, match="orders__next"):
        run(settings(database, TableSettings("orders", "replace"), restart=True))
    assert database.value("SELECT count(*) FROM orders__next") == 1


@pytest.mark.parametrize("columns", [KEYED, FREE], ids=["keyed", "free"])
@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read"])
def test_a_reader_sees_all_old_rows_or_all_new_ones_and_never_waits(
    database: Database, columns: Any, isolation: Any
) -> None:
    chosen = settings(database, TableSettings("orders", "replace"), rounds=ROUNDS, write=WriteSettings(writers=1))
    run(chosen, columns, stores(last(*((n, "old") for n in range(500)))))

    async def main() -> set[tuple[str, int]]:
        reader, seen = await asyncpg.connect(database.dsn), set()
        await reader.execute("SET lock_timeout = '1ms'")
        work = asyncio.ensure_future(asyncio.to_thread(run, chosen, columns, stores(last(*new))))
        while not work.done():
            async with reader.transaction(isolation=isolation):
                await reader.execute("SELECT 1 FROM pg_class LIMIT 1")  # its snapshot is older than its first look
                await asyncio.sleep(0.005)
                found = await reader.fetch("SELECT name, count(*) FROM orders GROUP BY name")
                assert len(found) == 1
                seen.add((found[0][0], found[0][1]))
        await work
        await reader.close()
        return seen

    new = [(n, "new") for n in range(250, 750)]
    assert asyncio.run(main()) <= {("old", 500), ("new", 500)}
    assert database.value("SELECT count(*) FROM orders WHERE name = 'new'") == 500
