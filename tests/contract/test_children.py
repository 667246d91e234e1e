"""Lists inside of records have tables of their own, and say what their records say."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from datasync.config.columns import of_elements
from datasync.config.schema import ConflictPolicy, TableSettings, WriteSettings
from datasync.config.spec import Child, ColumnSpec, EndpointSpec, Table
from datasync.errors import ConfigError, RowsRefused, SchemaMismatch
from datasync.model import Batch, Checkpoint, ChildRows, Chunk, Column
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import page, run, settings, stores

COLUMNS = (Column("id", "id", "bigint", required=True, key=True), Column("version", "version", "bigint"))
LIST = Child(table="orders_items", path="items", columns=(ColumnSpec(name="item"),))
ITEMS = of_elements(LIST, COLUMNS[0])
SPEC = EndpointSpec(name="orders", table=Table(children=(LIST,)))
POLICIES = [
    ConflictPolicy(),
    ConflictPolicy("update"),
    ConflictPolicy("update_if_changed"),
    ConflictPolicy("update_if_newer", "version"),
]

Record = tuple[int, int, list[str]]
"""Key, version and items."""

records = st.tuples(st.integers(0, 4), st.integers(0, 3), st.lists(st.sampled_from("xyz"), max_size=3))
batches = st.lists(st.lists(st.lists(records, max_size=4), min_size=1, max_size=2), min_size=1, max_size=4)


def chunk(rows: list[Record]) -> Chunk:
    children = [(key, place, item) for key, _, items in rows for place, item in enumerate(items)]
    made = page(*((key, version) for key, version, _ in rows))
    made_of = ChildRows("orders_items", ITEMS, children, [row[0] for row in rows], [len(row[2]) for row in rows])
    return Chunk(made.row_count, 10, made.records, [], None, None, None, None, None, rows=made.rows, children=[made_of])


def expected(policy: ConflictPolicy, story: list[list[list[Record]]], refused: str) -> dict[int, list[str]]:
    table: dict[int, Record] = {}
    for record in (record for batch in story for rows in batch for record in rows):
        if refused in record[2]:
            continue
        old = table.get(record[0])
        newer = policy.newer_by is not None and old is not None and record[1] > old[1]
        if old is None or newer or policy.rule in ("update", "update_if_changed"):
            table[record[0]] = record
    return {key: items for key, _, items in table.values() if items}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.rule)
@pytest.mark.parametrize("refused", ["none", "z"])
def test_the_elements_are_those_of_the_record_that_is_stored(
    database: Database, policy: ConflictPolicy, refused: str
) -> None:
    write = WriteSettings(on_conflict=policy)

    @examples(max_examples=4)
    @given(batches)
    def check(story: list[list[list[Record]]]) -> None:
        database.execute(
            "DROP TABLE IF EXISTS orders, orders_items; CREATE TABLE orders_items (parent_key BIGINT, position INTEGER,"
            f"item TEXT CHECK (item <> '{refused}'), PRIMARY KEY (parent_key, position))"
        )
        chosen = settings(database, TableSettings("orders"), write=write, restart=True, spec=SPEC)
        run(chosen, COLUMNS, stores(*(Batch([chunk(rows) for rows in batch], Checkpoint("c")) for batch in story)))
        found: dict[int, list[str]] = {}
        for row in database.fetch("SELECT parent_key, position, item FROM orders_items ORDER BY 1, 2"):
            assert row[1] == len(found.setdefault(row[0], []))
            found[row[0]].append(row[2])
        assert found == expected(policy, story, refused)

    check()


def test_a_record_that_the_database_refuses_keeps_the_elements_it_had(database: Database) -> None:
    database.execute("CREATE TABLE orders (id bigint PRIMARY KEY, version bigint CHECK (version < 9))")
    chosen = settings(
        database, TableSettings("orders"), write=WriteSettings(on_conflict=ConflictPolicy("update")), spec=SPEC
    )
    first = chunk([(1, 1, ["a"]), (2, 1, ["b"])])
    second = chunk([(1, 9, ["refused"]), (2, 2, []), (3, 9, ["refused"]), (4, 2, ["d"])])
    run(chosen, COLUMNS, stores(Batch([first], Checkpoint("1")), Batch([second], Checkpoint("2"))))
    found = database.fetch("SELECT parent_key, item FROM orders_items ORDER BY 1")
    assert [tuple(row) for row in found] == [(1, "a"), (4, "d")]
    assert database.value("SELECT count(*) FROM quarantined_events") == 2


def test_a_record_one_of_whose_elements_is_refused_is_quarantined_whole(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders_items (parent_key BIGINT, position INTEGER, item TEXT CHECK (item <> 'z'),"
        " PRIMARY KEY (parent_key, position))"
    )
    chosen = settings(
        database, TableSettings("orders"), write=WriteSettings(on_conflict=ConflictPolicy("update")), spec=SPEC
    )
    first = chunk([(1, 1, ["a"]), (2, 1, ["b"])])
    # Of 3 the version before takes its place; 4 has none.
    second = chunk([(1, 2, ["a", "z"]), (2, 2, ["c"]), (3, 1, ["d"]), (3, 2, ["z"]), (4, 1, ["z"])])

    async def story(sink: PostgresSink) -> None:
        await sink.commit(Batch([first], Checkpoint("1")))
        done = await sink.commit(Batch([second], Checkpoint("2")))
        assert (done.rows, done.updated, done.unchanged, done.duplicates, done.quarantined) == (1, 1, 0, 0, 3)

    run(chosen, COLUMNS, story)
    found = database.fetch("SELECT id, version, item FROM orders LEFT JOIN orders_items ON parent_key = id ORDER BY 1")
    assert [tuple(row) for row in found] == [(1, 1, "a"), (2, 2, "c"), (3, 1, "d")]
    assert [row[0] for row in database.fetch("SELECT DISTINCT code FROM quarantined_events")] == ["sql_23514"]


def test_an_element_that_is_another_record_s_is_refused_and_one_that_moves_is_not(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders_items (parent_key BIGINT, position INTEGER, item TEXT UNIQUE,"
        " PRIMARY KEY (parent_key, position))"
    )
    chosen = settings(
        database, TableSettings("orders"), write=WriteSettings(on_conflict=ConflictPolicy("update")), spec=SPEC
    )

    async def story(sink: PostgresSink) -> None:
        await sink.commit(Batch([chunk([(1, 1, ["a"]), (2, 1, ["b"]), (3, 1, ["c"])])], Checkpoint("1")))
        # 1 and 2 change places; 4 wants what is 3's.
        done = await sink.commit(Batch([chunk([(1, 2, ["b"]), (2, 2, ["a"]), (4, 1, ["c"])])], Checkpoint("2")))
        assert (done.rows, done.updated, done.quarantined) == (0, 2, 1)

    run(chosen, COLUMNS, story)
    found = database.fetch("SELECT parent_key, item FROM orders_items ORDER BY 1")
    assert [tuple(row) for row in found] == [(1, "b"), (2, "a"), (3, "c")]


def test_a_table_that_refuses_all_elements_ends_the_run_and_keeps_nothing(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders_items (parent_key BIGINT, position INTEGER, item TEXT CHECK (item <> 'z'),"
        " PRIMARY KEY (parent_key, position))"
    )

    async def story(sink: PostgresSink) -> None:
        with pytest.raises(RowsRefused, match="orders_items"):
            await sink.commit(Batch([chunk([(number, 1, ["z"]) for number in range(120)])], Checkpoint("1")))

    run(settings(database, TableSettings("orders"), spec=SPEC), COLUMNS, story)
    assert database.value("SELECT count(*) FROM orders") == 0
    assert database.value("SELECT count(*) FROM quarantined_events") == 0


def test_a_table_of_elements_in_another_shape_is_refused_before_the_first_request(database: Database) -> None:
    database.execute("CREATE TABLE orders_items (parent_key bigint, position integer, item text)")
    with pytest.raises(SchemaMismatch, match="no unique key"):
        run(settings(database, TableSettings("orders"), spec=SPEC), COLUMNS)
    assert database.value("SELECT to_regclass('orders') IS NULL AND to_regclass('cursor_state') IS NULL")


def test_what_python_and_postgresql_compare_otherwise_tells_no_newer_record_with_lists(database: Database) -> None:
    columns = (COLUMNS[0], Column("version", "version", "double precision"))
    write = WriteSettings(on_conflict=ConflictPolicy("update_if_newer", "version"))
    with pytest.raises(ConfigError, match="double precision"):
        run(settings(database, TableSettings("orders"), write=write, spec=SPEC), columns)


def test_a_table_of_elements_is_there_before_any_record_is(database: Database) -> None:
    run(settings(database, TableSettings("orders"), spec=SPEC), COLUMNS, stores())
    assert database.value("SELECT count(*) FROM orders_items") == 0


def test_no_record_is_stored_once_the_table_of_its_elements_is_gone(database: Database) -> None:
    async def story(sink: PostgresSink) -> None:
        await sink.commit(Batch([chunk([(1, 1, ["a"])])], Checkpoint("1")))
        await asyncio.to_thread(database.execute, "DROP TABLE orders_items")
        with pytest.raises(SchemaMismatch, match="is gone"):
            await sink.commit(Batch([chunk([(2, 1, ["b"])])], Checkpoint("2")))

    run(settings(database, TableSettings("orders"), spec=SPEC), COLUMNS, story)
    assert [row[0] for row in database.fetch("SELECT id FROM orders")] == [1]


def test_elements_of_a_record_whose_key_a_trigger_changes_end_the_run(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, version BIGINT);"
        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF new.id = 2 THEN new.id := 7; END IF; RETURN new; END';"
        "CREATE TRIGGER move BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION move()"
    )
    for policy in POLICIES:
        chosen = settings(
            database, TableSettings("orders"), write=WriteSettings(on_conflict=policy), spec=SPEC, restart=True
        )
        with pytest.raises(SchemaMismatch, match="`2` was stored in `orders` under another key"):
            run(chosen, COLUMNS, stores(Batch([chunk([(1, 0, ["x"]), (2, 0, ["y"])])], Checkpoint("c"))))
        assert database.value("SELECT count(*) FROM orders") == 0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.rule)
@pytest.mark.parametrize("op", ["INSERT", "UPDATE"])
def test_elements_stay_with_a_row_that_a_trigger_leaves_as_it_is(
    database: Database, policy: ConflictPolicy, op: str
) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, version BIGINT);"
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF new.version = 9 THEN RETURN NULL; END IF; RETURN new; END';"
        f"CREATE TRIGGER keep BEFORE {op} ON orders FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    story = [[(1, 0, ["old"]), (2, 0, ["old"])], [(1, 9, ["new"]), (2, 1, ["new"]), (3, 0, ["new"])]]
    chosen = settings(database, TableSettings("orders"), write=WriteSettings(on_conflict=policy), spec=SPEC)
    run(chosen, COLUMNS, stores(*(Batch([chunk(rows)], Checkpoint("c")) for rows in story)))
    found = {row[0]: row[1] for row in database.fetch("SELECT parent_key, item FROM orders_items")}
    if policy.rule != "update_if_changed":  # nothing tells there whether a row is left, or is the same
        assert found[1] == "old"
    assert found[2] == ("old" if policy.rule == "nothing" else "new")
    assert found[3] == "new"
