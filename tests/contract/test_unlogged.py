"""Tables that a crash of the server empties are worth a warning."""

from structlog.testing import capture_logs

from datasync.config.schema import TableSettings
from tests.support import Database
from tests.tables import last, run, settings, stores


def warned(database: Database, table: str) -> list[tuple[str, str]]:
    with capture_logs() as lines:
        run(settings(database, TableSettings(table)), use=stores(last((1, "a"))), stream=table)
    return [(line["event"], line["hint"]) for line in lines if line["log_level"] == "warning"]


def test_rows_into_a_table_without_a_log_are_warned_of_at_the_start(database: Database) -> None:
    shape = "(id bigint PRIMARY KEY, name text)"
    database.execute(f"CREATE UNLOGGED TABLE odd {shape}; CREATE TABLE usual {shape}; CREATE SCHEMA s")
    database.execute(f'CREATE UNLOGGED TABLE s."O d" {shape}')
    said = "is UNLOGGED: a crash of the server takes its rows away"
    assert warned(database, "odd") == [(f"the table `odd` {said}", 'ALTER TABLE "odd" SET LOGGED')]
    (found,) = warned(database, "s.O d")
    assert found[0] == f"the table `s.O d` {said}"
    database.execute(found[1])
    assert warned(database, "s.O d") == []
    assert warned(database, "usual") == []
    assert warned(database, "made") == []
