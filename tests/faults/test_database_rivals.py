"""Two runs of one stream: one works and the other stops, or waits for its turn."""

import threading

import pytest

from tests.running import PATIENCE, Running
from tests.support import Database
from tests.truth import TABLE, Feed, judge, rows
from tests.wire import Action, Message, Once, WireProxy

pytestmark = pytest.mark.usefixtures("workdir")


@pytest.mark.fault(56)
def test_a_second_run_of_a_stream_stops_and_asks_the_api_for_nothing(api: Feed, database: Database) -> None:
    refused = threading.Event()

    def hold(_message: Message) -> Action:
        assert refused.wait(PATIENCE)
        return None

    # The first run is in the middle of a batch for as long as it takes to refuse the second.
    copying = Once(lambda message: message.is_copy_data and rows(database.dsn) > 0, hold)
    with WireProxy(database.dsn, copying) as proxy, Running(proxy.dsn(database.name), api.base_url) as first:
        first.until(lambda: copying.done, "a batch on its way")
        with Running(database.dsn, api.base_url) as second:
            result = second.end()
        assert result.code in (1, 2)
        assert result.error["code"] == "sink_busy"
        assert "ingestion complete" not in result.stderr
        refused.set()
        judge(first.end(), database.dsn, api)


@pytest.mark.fault(56)
def test_a_second_run_that_waits_finds_the_work_of_the_first_done(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as first:
        first.until(lambda: rows(database.dsn) > 0, "the first rows")
        with Running(database.dsn, api.base_url, "--wait") as second:
            judge(first.end(), database.dsn, api)
            waited = second.end()
    assert waited.code == 0, waited.stderr
    assert waited.line("ingestion complete")["rows"] == 0


@pytest.mark.fault(56)
def test_a_run_that_waits_lives_through_the_end_of_its_connection(api: Feed, database: Database) -> None:
    go_on = threading.Event()

    def hold(_message: Message) -> Action:
        assert go_on.wait(PATIENCE)
        return None

    copying = Once(lambda message: message.is_copy_data and rows(database.dsn) > 0, hold)
    with WireProxy(database.dsn, copying) as proxy, Running(proxy.dsn(database.name), api.base_url) as first:
        first.until(lambda: copying.done, "a batch on its way")
        known = [row[0] for row in database.fetch("SELECT pid FROM pg_stat_activity")]
        with Running(database.dsn, api.base_url, "--wait") as second:
            second.until_said("waiting for another run of the stream to end")
            killed = database.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'datasync' AND pid <> ALL ($1::int[])",
                known,
            )
            assert len(killed) == 1
            second.until_said("connecting again")
            go_on.set()
            judge(first.end(), database.dsn, api)
            waited = second.end()
    assert waited.code == 0, waited.stderr
    assert waited.line("ingestion complete")["rows"] == 0


@pytest.mark.fault(43, 56)
def test_a_run_that_was_taken_over_stores_nothing_more(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        database.execute("UPDATE cursor_state SET epoch = epoch + 1")
        stored = rows(database.dsn)
        result = run.end()
    assert result.code == 1
    assert result.error["code"] == "lease_lost"
    assert rows(database.dsn) == stored
    with Running(database.dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api, again=True)


@pytest.mark.fault(43, 56)
def test_a_run_that_was_cut_off_and_taken_over_meanwhile_stores_nothing_more(api: Feed, database: Database) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        database.execute(f"UPDATE cursor_state SET epoch = epoch + 1; {others} AND pid <> pg_backend_pid()")
        stored = rows(database.dsn)
        result = run.end()
    assert result.code == 1
    assert result.error["code"] == "lease_lost"
    assert rows(database.dsn) == stored


@pytest.mark.fault(56, 57)
def test_a_run_that_is_killed_during_a_long_statement_keeps_the_next_one_out_no_longer_than_any_other(
    api: Feed, database: Database
) -> None:
    database.execute(
        TABLE + "CREATE SEQUENCE once; CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF nextval('once') = 1 THEN PERFORM pg_sleep(50); END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER linger BEFORE INSERT ON ingested_events FOR EACH ROW EXECUTE FUNCTION linger()"
    )
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: database.value("SELECT is_called FROM once"), "a statement that lasts")
        run.kill()
    with Running(database.dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api, again=True)
