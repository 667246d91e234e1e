"""What the owner's tables ask of the rows."""

from typing import Literal

import msgspec
import pytest
from structlog.testing import capture_logs

from datasync.config.schema import TableSettings
from datasync.errors import RowsRefused, SchemaMismatch
from datasync.model import Column, Committed
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import commit, last, more, run, settings, stores

COLUMNS = (Column("id", "id", "bigint", required=True, key=True), Column("owner", "owner", "bigint"))
REPLACE = TableSettings("orders", "replace")


def test_a_row_that_names_nothing_is_quarantined_before_the_tables_change_places(database: Database) -> None:
    database.execute(
        "CREATE TABLE owners (id BIGINT PRIMARY KEY); INSERT INTO owners VALUES (1);"
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT REFERENCES owners); INSERT INTO orders VALUES (7, 1)"
    )
    done: list[Committed] = []

    async def use(sink: PostgresSink) -> None:
        done.extend(await commit(sink, [last((1, 1), (2, 99), (3, None))]))

    run(settings(database, REPLACE), COLUMNS, use)
    assert (done[0].rows, done[0].quarantined, done[0].complete) == (2, 1, True)
    assert [row[0] for row in database.fetch("SELECT id FROM orders ORDER BY 1")] == [1, 3]
    found = database.fetch("SELECT code, raw FROM quarantined_events")
    assert [(row[0], msgspec.json.decode(row[1])) for row in found] == [("sql_23503", [2, 99])]


@pytest.mark.parametrize("quoted", ["off", "on"], ids=["names as usual", "all names quoted"])
def test_rows_that_name_each_other_are_replaced_as_they_came(database: Database, quoted: str) -> None:
    database.execute(
        f'ALTER DATABASE "{database.name}" SET quote_all_identifiers = {quoted};'
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT REFERENCES orders, name TEXT UNIQUE DEFAULT 'one');"
        "INSERT INTO orders VALUES (1, NULL, 'other'), (2, 1, 'one')"
    )
    # The old row 1 goes, and the new 2 doesn't name it any more; 3 takes what was unique to it.
    columns = (*COLUMNS, Column("name", "name", "text"))
    run(settings(database, REPLACE), columns, stores(last((2, 3, "one"), (3, None, "other"))))
    assert [tuple(row) for row in database.fetch("SELECT id, owner FROM orders ORDER BY 1")] == [(2, 3), (3, None)]


def test_a_unique_value_moves_from_one_replaced_row_to_another_where_it_may_wait(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT UNIQUE DEFERRABLE);"
        "INSERT INTO orders VALUES (1, 10), (2, 20)"
    )
    run(settings(database, REPLACE), COLUMNS, stores(last((1, 20), (2, 10))))
    assert [tuple(row) for row in database.fetch("SELECT id, owner FROM orders ORDER BY 1")] == [(1, 20), (2, 10)]


@pytest.mark.parametrize("other", ["owners", "orders"])
def test_a_foreign_key_that_waits_for_the_commit_keeps_no_table_from_being_replaced(
    database: Database, other: str
) -> None:
    database.execute(
        "CREATE TABLE owners (id BIGINT PRIMARY KEY); INSERT INTO owners VALUES (1);"
        f"CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT REFERENCES {other} DEFERRABLE INITIALLY DEFERRED)"
    )
    run(settings(database, REPLACE), COLUMNS, stores(last((1, 1), (2, 99))))
    assert [row[0] for row in database.fetch("SELECT id FROM orders")] == [1]


def test_a_key_that_the_role_may_not_refer_to_is_held_against_the_rows_at_the_end(database: Database) -> None:
    role = f"{database.name}_least"
    database.execute(
        "CREATE TABLE owners (id BIGINT PRIMARY KEY); INSERT INTO owners VALUES (1);"
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT REFERENCES owners);"
        f"CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE orders OWNER TO {role}"
    )
    least = Database(database.dsn.replace("postgres@", f"{role}@", 1), database.name, database.admin_dsn)
    try:
        with capture_logs() as lines:
            run(settings(least, REPLACE), COLUMNS, stores(last((1, 1), (3, None))))
        assert [line["key"] for line in lines] == ["orders_owner_fkey"]
        assert database.value("SELECT count(*) FROM orders") == 2
        with pytest.raises(RowsRefused, match="orders_owner_fkey"):
            run(msgspec.structs.replace(settings(least, REPLACE), restart=True), COLUMNS, stores(last((4, 99))))
        assert database.value("SELECT count(*) FROM orders") == 2
    finally:
        database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_partitioned_table_takes_no_rows_by_key_and_that_is_said_before_anything_is_read(
    database: Database, mode: Literal["merge", "replace"]
) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT) PARTITION BY HASH (id);"
        "CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
    )
    with pytest.raises(SchemaMismatch, match="partitioned"):
        run(settings(database, TableSettings("orders", mode)), COLUMNS)
    run(settings(database, TableSettings("orders", "append")), COLUMNS, stores(more((1, 1)), last((2, 2))))
    assert database.value("SELECT count(*) FROM orders") == 2


def test_a_table_with_rules_takes_no_rows_by_key_and_that_is_said_before_anything_is_read(database: Database) -> None:
    database.execute(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, owner BIGINT);"
        "CREATE RULE twice AS ON INSERT TO orders DO ALSO NOTIFY orders"
    )
    with pytest.raises(SchemaMismatch, match="rules"):
        run(settings(database, TableSettings("orders")), COLUMNS)
