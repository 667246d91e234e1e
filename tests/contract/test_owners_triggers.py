"""A trigger or a rule of the owner may leave rows out without a word. No run passes over that."""

from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from structlog.testing import capture_logs

from datasync.config.schema import ConflictPolicy, RoundSettings, TableSettings, WriteSettings
from datasync.errors import RowsRefused
from tests.support import Database
from tests.tables import FREE, KEYED, last, more, run, settings, stores

ROUNDS = RoundSettings(again=True)

KEEPING = """
DROP TABLE IF EXISTS orders, orders__next CASCADE;
CREATE TABLE orders (id BIGINT {key}, name TEXT);
CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    IF tg_op = '{op}' AND coalesce(new.id, old.id) = ANY('{{{ids}}}'::int[]) THEN RETURN NULL; END IF;
    RETURN CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
END$$;
"""
"""A function for triggers that leave out what the statement `op` does to the rows of some ids."""

TRIGGER = "CREATE TRIGGER keep BEFORE INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep()"

tables = st.dictionaries(st.integers(0, 4), st.sampled_from("xy"), max_size=4)


def left_out(op: str, old: dict[int, str], new: dict[int, str], ids: set[int], *, keyed: bool) -> bool:
    """Whether a trigger keeps the table from becoming `new`."""
    if not keyed:
        return not ids.isdisjoint({"INSERT": new, "DELETE": old, "UPDATE": {}}[op])
    differs = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    return not ids.isdisjoint(
        {"INSERT": new.keys() - {*old} | differs, "DELETE": old.keys() - new.keys(), "UPDATE": differs}[op]
    )


@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "free"])
@pytest.mark.parametrize("op", ["INSERT", "UPDATE", "DELETE"])
def test_a_table_is_replaced_as_a_whole_or_not_at_all(database: Database, op: str, keyed: bool) -> None:
    columns = KEYED if keyed else FREE

    @examples(max_examples=8)
    @given(tables, tables, st.sets(st.integers(0, 4), max_size=2))
    def check(old: dict[int, str], new: dict[int, str], ids: set[int]) -> None:
        database.execute(KEEPING.format(key="PRIMARY KEY" if keyed else "", op=op, ids=",".join(map(str, ids))))
        chosen = settings(database, TableSettings("orders", "replace"), rounds=ROUNDS)
        begun = settings(database, TableSettings("orders", "replace"), restart=True)
        run(begun, columns, stores(last(*old.items())))
        database.execute(TRIGGER)
        refused = left_out(op, old, new, ids, keyed=keyed)
        for _ in range(2 if refused else 1):
            with pytest.raises(RowsRefused) if refused else nullcontext():
                run(chosen, columns, stores(last(*new.items())))
        found = Counter((row[0], row[1]) for row in database.fetch("SELECT id, name FROM orders"))
        assert found == Counter((old if refused else new).items())
        assert database.value("SELECT to_regclass('orders__next') IS NOT NULL") == refused
        assert database.value("SELECT complete FROM cursor_state") != refused
        database.execute("DROP TRIGGER keep ON orders")
        run(chosen, columns, stores(last(*new.items())))
        assert database.value("SELECT count(*) FROM orders") == len(new)

    check()


def test_a_rule_that_leaves_a_row_out_keeps_the_table_as_it_was(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT, name TEXT); INSERT INTO orders VALUES (9, 'old');"
        "CREATE RULE r AS ON INSERT TO orders WHERE new.id = 3 DO INSTEAD NOTHING"
    )
    with pytest.raises(RowsRefused, match="left out 1 of the new rows, and kept 0 of the old ones") as refused:
        run(settings(database, TableSettings("orders", "replace")), FREE, stores(last((1, "a"), (3, "c"))))
    assert "orders__next" in (refused.value.hint or "")
    assert database.value("SELECT array_agg(name) FROM orders") == ["old"]


def test_rows_that_a_trigger_puts_into_parts_of_the_table_are_there(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT, name TEXT); CREATE TABLE part () INHERITS (orders);"
        "CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO part VALUES (new.*); RETURN NULL; END';"
        "CREATE TRIGGER put BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION put()"
    )
    chosen = settings(database, TableSettings("orders", "replace"), rounds=ROUNDS)
    for rows in ([(1, "a")], [(2, "b"), (3, "c")]):
        run(chosen, FREE, stores(last(*rows)))
        assert database.value("SELECT count(*) FROM part") == len(rows)


def warned(lines: list[Any]) -> int:
    return sum(line["rows"] for line in lines if line["event"].startswith("rows are not in the table"))


@pytest.mark.parametrize("mode", ["merge", "append"])
@pytest.mark.parametrize("policy", [ConflictPolicy(), ConflictPolicy("update")], ids=lambda policy: policy.rule)
def test_rows_that_a_trigger_leaves_out_are_told(database: Database, mode: Any, policy: ConflictPolicy) -> None:
    @examples(max_examples=8)
    @given(st.lists(tables, min_size=1, max_size=3), st.sets(st.integers(0, 4), max_size=2))
    def check(batches: list[dict[int, str]], ids: set[int]) -> None:
        made = KEEPING.format(key="PRIMARY KEY" if mode == "merge" else "", op="INSERT", ids=",".join(map(str, ids)))
        database.execute(made + TRIGGER)
        chosen = settings(
            database, TableSettings("orders", mode), restart=True, write=WriteSettings(on_conflict=policy)
        )
        with capture_logs() as lines:
            run(chosen, KEYED if mode == "merge" else FREE, stores(*(more(*batch.items()) for batch in batches)))
        assert warned(lines) == sum(len(ids & batch.keys()) for batch in batches)
        wanted = {key for batch in batches for key in batch if key not in ids}
        assert {row[0] for row in database.fetch("SELECT id FROM orders")} == wanted

    check()


def test_a_refused_row_is_not_told_as_left_out(database: Database) -> None:
    database.execute(
        KEEPING.format(key="PRIMARY KEY", op="INSERT", ids="1,2")
        + "ALTER TABLE orders ADD CHECK (id <> 3); INSERT INTO orders VALUES (4, 'known');"
        + TRIGGER
    )
    with capture_logs() as lines:
        run(settings(database, TableSettings("orders")), use=stores(more(*((n, "a") for n in range(1, 6)))))
    assert warned(lines) == 2
    assert database.value("SELECT (events_ingested, duplicates, quarantined)::text FROM cursor_state") == "(1,3,1)"
