"""`datasync quarantine replay` of records with lists in tables of their own: a record comes with all, or not at all."""

import json
from pathlib import Path

import pytest

from tests.here import Here
from tests.scripted import Server
from tests.sloppy import answer
from tests.support import Database, command

CONFIG = """
[api]
base_url = "{origin}"

[sink]
kind = "postgres"
url = "${{DATABASE_URL}}"

[[endpoint]]
name = "orders"
path = "/orders"
records = ""

[endpoint.paging]
kind = "none"

[endpoint.table]
name = "orders"
columns = [{{ name = "id", type = "uuid", key = true }}, {{ name = "n", type = "integer" }}]

[[endpoint.table.children]]
table = "orders_items"
path = "items"
columns = [{{ name = "sku", required = true }}]

[[endpoint.table.children]]
table = "orders_notes"
path = "notes"
columns = [{{ name = "note", path = "" }}]
"""

MADE = """
CREATE TABLE orders (id UUID PRIMARY KEY, n INTEGER CONSTRAINT odd CHECK (n <> 13));
CREATE TABLE orders_items (parent_key UUID, position INTEGER, sku TEXT CONSTRAINT odd CHECK (sku <> 'bad'),
    PRIMARY KEY (parent_key, position));
"""

STORED = """
SELECT right(id::text, 1) AS id, n,
    (SELECT string_agg(sku, ',' ORDER BY position) FROM orders_items WHERE parent_key = id) AS items,
    (SELECT string_agg(note, ',' ORDER BY position) FROM orders_notes WHERE parent_key = id) AS notes
FROM orders ORDER BY id
"""


def order(number: int, items: object, *notes: str, n: int = 0) -> dict[str, object]:
    return {"id": f"00000000-0000-0000-0000-00000000000{number}", "n": n, "items": items, "notes": list(notes)}


def items(*skus: str) -> list[dict[str, str]]:
    return [{"sku": sku} for sku in skus]


ORDERS = [
    order(1, items("a", "b"), "x"),
    order(2, items("a", "bad", "c"), "y", "z"),
    order(3, items("a"), "w", n=13),
    order(4, "none"),
    order(5, [{"sku": "a"}, {}]),
    order(6, None),
]


@pytest.fixture
def config(workdir: Path, database: Database) -> str:
    """After a run that stored two of six orders."""
    database.execute(MADE)
    config = workdir / "datasync.toml"
    with Server(lambda asked: answer(ORDERS if asked.path == "/orders" else [])) as api:
        config.write_text(CONFIG.format(origin=api.origin))
        run = command(["ingest", "--config", str(config), "--max-rejects", "1"], {"DATABASE_URL": database.dsn})
        assert run.code == 0, run
    assert [row["id"] for row in database.fetch(STORED)] == ["1", "6"]
    return str(config)


def replay(here: Here, database: Database, config: str, *more: str, code: int = 0) -> dict[str, object]:
    run = here(database, "quarantine", "replay", "--all", "--json", "--config", config, *more, code=code)
    done: dict[str, object] = json.loads(run.stdout)
    return done


def mend(database: Database) -> None:
    for table in "orders", "orders_items":
        database.execute(f"ALTER TABLE {table} DROP CONSTRAINT odd")


def counted(database: Database) -> tuple[int, ...]:
    return tuple(database.fetch("SELECT events_ingested, duplicates, quarantined FROM cursor_state")[0])


def test_a_record_comes_out_of_quarantine_with_all_its_elements_or_stays(
    database: Database, here: Here, config: str
) -> None:
    again = replay(here, database, config, code=1)
    assert (again["stored"], again["refused"]) == (
        0,
        {"sql_23514": 2, "child_not_a_list": 1, "child_required_missing": 1},
    )
    assert [row["id"] for row in database.fetch(STORED)] == ["1", "6"]
    assert database.value("SELECT count(*) FROM orders_items") == 2

    mend(database)
    assert replay(here, database, config, "--dry-run", code=1)["stored"] == 2
    assert database.value("SELECT count(*) FROM orders_items") == 2
    done = replay(here, database, config, code=1)
    assert (done["stored"], done["refused"]) == (2, {"child_not_a_list": 1, "child_required_missing": 1})
    assert [tuple(row) for row in database.fetch(STORED)] == [
        ("1", 0, "a,b", "x"),
        ("2", 0, "a,bad,c", "y,z"),
        ("3", 13, "a", "w"),
        ("6", 0, None, None),
    ]
    assert counted(database) == (4, 0, 2)


def test_elements_are_mended_on_their_way(database: Database, here: Here, config: str, workdir: Path) -> None:
    mend(database)
    (workdir / "mend.py").write_text(
        "import datasync\n@datasync.transform('mend')\ndef mend(record):\n"
        "    record['items'] = [one for one in record['items'] or () if 'sku' in one]\n    return record\n"
    )
    done = replay(here, database, config, "--plugin", "mend.py", "--transform", "mend")
    assert done["stored"] == 4
    assert {row["id"]: row["items"] for row in database.fetch(STORED)} == {
        "1": "a,b",
        "2": "a,bad,c",
        "3": "a",
        "4": None,
        "5": "a",
        "6": None,
    }
    assert counted(database) == (6, 0, 0)


def test_a_record_that_is_there_by_now_keeps_its_elements(database: Database, here: Here, config: str) -> None:
    mend(database)
    database.execute(
        f"INSERT INTO orders VALUES ('{ORDERS[1]['id']}', 7);"
        f"INSERT INTO orders_items VALUES ('{ORDERS[1]['id']}', 0, 'kept'), ('{ORDERS[2]['id']}', 5, 'left')"
    )
    done = replay(here, database, config, code=1)
    assert (done["stored"], done["duplicates"]) == (1, 1)
    found = {row["id"]: tuple(row)[1:] for row in database.fetch(STORED)}
    assert found["2"] == (7, "kept", None)
    assert found["3"] == (13, "a", "w"), "what was left of a deleted one went"


def test_of_two_with_the_same_key_the_first_is_stored_whole(database: Database, here: Here, config: str) -> None:
    mend(database)
    second = json.dumps(order(2, items("second"), "second")).encode()
    database.fetch(
        "INSERT INTO quarantined_events (stream, record_index, byte_offset, code, detail, raw)"
        " VALUES ('orders', 0, 0, '23514', '', $1)",
        second,
    )
    done = replay(here, database, config, code=1)
    assert (done["stored"], done["duplicates"]) == (2, 1)
    assert {row["id"]: row["items"] for row in database.fetch(STORED)}["2"] == "a,bad,c"


@pytest.mark.parametrize("broken", ["DROP TABLE orders_notes", "ALTER TABLE orders DROP CONSTRAINT orders_pkey"])
def test_without_its_tables_nothing_leaves_quarantine(database: Database, config: str, broken: str) -> None:
    database.execute(broken)
    run = command(["quarantine", "replay", "--all", "--config", config], {"DATABASE_URL": database.dsn})
    assert run.code == 2, run
    assert run.error["code"] == "schema_mismatch"
    assert database.value("SELECT count(*) FROM quarantined_events") == 4


LEAVES_OUT = """
CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.n = 13 THEN RETURN NULL; END IF; RETURN NEW; END';
CREATE TRIGGER leave BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION leave();
"""


def test_a_row_that_a_trigger_leaves_out_does_not_leave_quarantine(database: Database, here: Here, config: str) -> None:
    mend(database)
    database.execute(LEAVES_OUT)
    done = replay(here, database, config, code=1)
    refused = {"left_out": 1, "child_not_a_list": 1, "child_required_missing": 1}
    assert (done["stored"], done["duplicates"], done["refused"]) == (1, 0, refused)
    assert counted(database) == (3, 0, 3)
    database.execute("DROP TRIGGER leave ON orders")
    assert replay(here, database, config, code=1)["stored"] == 1
    assert {row["id"]: row["items"] for row in database.fetch(STORED)}["3"] == "a"
