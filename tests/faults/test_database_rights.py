"""What the run may not do, what isn't as it was, and what is set oddly: said clearly, or of no effect."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from datasync.simulator import Dataset
from tests.running import Running
from tests.support import Database
from tests.truth import TABLE, Feed, as_role, judge, rows

pytestmark = pytest.mark.usefixtures("workdir")


@contextmanager
def role(database: Database, grants: str = "") -> Iterator[tuple[str, str]]:
    """An ordinary role and the address of the database for it; `grants` may name it as {role}."""
    name = f"{database.name}_plain"
    database.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'; " + grants.format(role=name))
    try:
        yield name, as_role(database.dsn, name)
    finally:
        database.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.fault(49)
def test_a_role_that_may_not_create_is_told_what_to_grant_and_no_table_appears(api: Feed, database: Database) -> None:
    with role(database) as (_, dsn), Running(dsn, api.base_url) as run:
        result = run.end()
    assert result.code == 2
    assert result.error["code"] == "sink"
    assert "permission denied" in result.error["event"]
    assert "CREATE" in result.error["hint"]
    assert database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.fault(49)
def test_a_role_with_create_and_nothing_else_is_enough(api: Feed, database: Database) -> None:
    with role(database, "GRANT CREATE ON SCHEMA public TO {role}") as (_, dsn), Running(dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(49)
def test_a_right_that_is_taken_away_ends_the_run_and_given_back_the_next_one_goes_on(
    api: Feed, database: Database
) -> None:
    own = "GRANT CREATE ON SCHEMA public TO {role}"
    with role(database, own) as (name, dsn):
        with Running(dsn, api.base_url) as run:
            run.until(lambda: rows(database.dsn) > 0, "the first rows")
            with api.silent():
                database.execute(f"REVOKE INSERT ON ingested_events FROM {name}")
            result = run.end()
        assert result.code == 1
        assert result.error["code"] == "sink"
        assert "permission denied" in result.error["event"]
        assert result.error["hint"]
        database.execute(f"GRANT INSERT ON ingested_events TO {name}")
        with Running(dsn, api.base_url) as run:
            judge(run.end(), database.dsn, api, again=True)


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE ingested_events",
        "ALTER TABLE ingested_events DROP COLUMN event_type",
        'ALTER TABLE ingested_events ALTER COLUMN "timestamp" TYPE date',
        "ALTER TABLE ingested_events DROP CONSTRAINT ingested_events_pkey",
    ],
    ids=["dropped", "column dropped", "type changed", "key dropped"],
)
def test_a_table_that_changes_under_way_stops_the_run_and_quarantines_nothing(
    api: Feed, database: Database, change: str
) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with api.silent():
            database.execute(change)
        served = database.value("SELECT served FROM cursor_state")
        result = run.end()
    assert result.code == 1, "2 would say that nothing was written"
    assert result.error["code"] == "schema_mismatch"
    assert "ingested_events" in result.error["event"]
    assert result.error["hint"]
    assert database.value("SELECT count(*) FROM quarantined_events") == 0
    assert database.value("SELECT served FROM cursor_state") == served, "nothing was counted that isn't stored"


@pytest.mark.fault(50)
def test_a_checkpoint_that_somebody_deletes_stops_the_run(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with api.silent():
            database.execute("DELETE FROM stream_partitions")
        result = run.end()
    assert result.code == 1
    assert result.error["code"] == "schema_mismatch"
    assert "stream_partitions" in result.error["event"]
    with Running(database.dsn, api.base_url) as run:
        assert run.end().code == 0
    assert rows(database.dsn) == api.options.count


@pytest.mark.fault(50)
def test_a_column_that_somebody_adds_changes_nothing(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        database.execute("ALTER TABLE ingested_events ADD COLUMN note text DEFAULT 'later'")
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(55)
def test_odd_settings_of_the_role_or_the_database_change_no_value(api: Feed, database: Database) -> None:
    odd = {
        "DateStyle": "'German, DMY'",
        "TimeZone": "'Pacific/Apia'",
        "standard_conforming_strings": "off",
        "backslash_quote": "on",
        "IntervalStyle": "sql_standard",
        "bytea_output": "escape",
        "extra_float_digits": "-15",
        "array_nulls": "off",
        "default_transaction_deferrable": "on",
        "search_path": "public, pg_catalog",
        "transform_null_equals": "on",
        "row_security": "off",
        "xmloption": "document",
        "client_encoding": "latin1",
        "lc_messages": "'C'",
        "enable_seqscan": "off",
        "quote_all_identifiers": "on",
    }
    grants = f"GRANT CREATE ON SCHEMA public TO {{role}}; {TABLE} GRANT ALL ON ingested_events TO {{role}}"
    with role(database, grants) as (name, dsn):
        for setting, value in odd.items():
            # What the role has wins over what the database has, so each gets a half.
            whose = f"ROLE {name}" if len(setting) % 2 else f"DATABASE {database.name}"
            database.execute(f"ALTER {whose} SET {setting} = {value}")
        with Running(dsn, api.base_url) as run:
            judge(run.end(), database.dsn, api)
    dataset = Dataset(api.options.seed, api.options.count)
    wanted = {event: dataset.timestamp_ms(index) for index, event in enumerate(dataset.ids())}
    stored = database.fetch('SELECT id, (extract(epoch FROM "timestamp") * 1000)::bigint AS ms FROM ingested_events')
    assert {row["id"]: row["ms"] for row in stored} == wanted


@pytest.mark.fault(55)
def test_a_database_that_is_not_utf8_is_refused_before_anything_is_asked(api: Feed, database: Database) -> None:
    name = f"{database.name}_latin"
    database.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    try:
        with Running(database.dsn.replace(f"/{database.name}", f"/{name}"), api.base_url) as run:
            result = run.end()
    finally:
        database.execute(f"DROP DATABASE {name}")
    assert result.code == 2
    assert result.error["code"] == "config"
    assert "UTF8" in result.error["hint"]
    assert not api.served()
