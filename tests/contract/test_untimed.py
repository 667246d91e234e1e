"""A limit to the age of transactions, made for a role's own queries, ends none of a load."""

from pathlib import Path

import pytest

from datasync.config.schema import TableSettings
from tests.quarantine import API, desk, event, fill
from tests.support import Database
from tests.tables import last, more, run, settings, stores

LIMIT = "1h"

WATCH = """
CREATE FUNCTION unlimited() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    IF current_setting('transaction_timeout') <> '0' THEN RAISE 'limited' USING ERRCODE = '0A000'; END IF;
    RETURN new;
END$$;
"""
"""A function for triggers that end the run where its transaction has a limit."""


def watch(database: Database, *tables: str) -> None:
    if database.value("SELECT current_setting('transaction_timeout', true)") is None:
        pytest.skip("before PostgreSQL 17 there is no such limit")
    database.execute(f"ALTER DATABASE \"{database.name}\" SET transaction_timeout = '{LIMIT}';" + WATCH)
    for table in tables:
        database.execute(
            f"CREATE TRIGGER w BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION unlimited()"
        )
    assert database.value("SHOW transaction_timeout") == LIMIT


@pytest.mark.parametrize("mode", ["merge", "append", "replace"])
def test_no_transaction_of_a_run_has_a_limit(database: Database, mode: str) -> None:
    database.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT CHECK (name <> 'bad'))")
    chosen = settings(database, TableSettings("t", mode=mode))  # type: ignore[arg-type]
    run(chosen, use=stores(more((1, "a"))))
    watch(database, "t", "cursor_state", "stream_partitions", "quarantined_events")
    run(chosen, use=stores(more((2, "b"), (3, "bad")), last((4, "c"))))
    assert database.value("SELECT count(*) FROM t") == 3


def test_no_transaction_of_a_replay_has_a_limit(database: Database, workdir: Path) -> None:
    assert workdir
    fill(database, [("old_reason", event("a"))])
    watch(database, "ingested_events", "cursor_state")
    desk(database.dsn, "replay", "--all", code=0, env=API)
    assert database.value("SELECT id FROM ingested_events") == "a"
