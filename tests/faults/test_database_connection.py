"""Connections to the database that break, at any moment: what was in hand is stored on the next one, once."""

from collections.abc import Callable

import pytest

from tests.running import Running
from tests.support import Database
from tests.truth import STORING_AGAIN, Feed, grown, holding, judge, rows
from tests.wire import Action, Cut, Message, Once, WireProxy

pytestmark = pytest.mark.usefixtures("workdir")

OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
LOCKED = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
AND (classid::bigint << 32) | objid::bigint = hashtextextended('datasync:datasync.events', 0)
"""
SLOW_COMMIT = """
CREATE SEQUENCE hold;
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('hold') = 1 THEN PERFORM pg_sleep(1); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON cursor_state DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold();
"""


def kill(database: Database, which: str = "true") -> int:
    """Terminate the server processes of the run that are as `which` says; give how many."""
    return len(database.fetch(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS} AND {which}"))


def assert_stored_again(run: Running) -> None:
    """It said what it does, with a stable code and a reason for people."""
    warnings = run.lines(STORING_AGAIN)
    assert warnings, run.stderr
    for line in warnings:
        assert line["level"] == "warning"
        assert line["code"] in ("sink_unavailable", "sink_conflict")
        assert line["reason"]


@pytest.mark.fault(39)
def test_server_processes_killed_while_idle_are_replaced(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        run.until(lambda: kill(database, "state = 'idle'"), "an idle process")
        stored = rows(database.dsn)
        run.until(lambda: rows(database.dsn) > stored, "more rows")
        run.until(lambda: kill(database), "processes to kill again")
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(39)
def test_a_connection_that_breaks_while_the_first_page_is_awaited_is_made_again(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        with api.silent():
            waiting = "state = 'idle' AND state_change < clock_timestamp() - interval '0.5 s'"
            run.until(lambda: kill(database, waiting), "a connection that waits for the first page")
        run.until(lambda: database.value(LOCKED), "the stream's lock")
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(39)
def test_a_server_process_killed_in_copy_loses_no_row_of_it(api: Feed, database: Database) -> None:
    killed = []

    def terminate(_message: Message) -> Action:
        killed.append(kill(database, "query ILIKE 'COPY%' AND state = 'active'"))
        return None

    second = Once(lambda message: message.is_copy_data and rows(database.dsn) > 0, terminate)
    with WireProxy(database.dsn, second) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        result = run.end()
        assert killed in ([1], [2])  # both writers may be at it
        judge(result, database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(39)
def test_a_server_process_killed_in_the_upsert_leaves_nothing_of_the_batch(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with holding(database.dsn, "LOCK TABLE ingested_events IN SHARE MODE"):
            run.until(
                lambda: kill(database, "wait_event_type = 'Lock' AND query ILIKE '%ingested_events%'"), "an upsert"
            )
        result = run.end()
        judge(result, database.dsn, api)
        assert_stored_again(run)


CUTS: dict[str, tuple[Callable[[Message], bool], Cut]] = {
    "in COPY": (lambda message: message.is_copy_data, Cut(after=True)),
    "before COMMIT": (lambda message: message.is_batch_commit, Cut()),
    "with COMMIT": (lambda message: message.is_batch_commit, Cut(after=True)),
    "before COMMIT's answer": (lambda message: message.is_batch_committed, Cut()),
}


@pytest.mark.fault(40)
def test_connections_cut_anywhere_in_a_batch_are_no_loss_and_count_nothing_twice(api: Feed, database: Database) -> None:
    with WireProxy(database.dsn) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        for moment, (when, cut) in CUTS.items():
            stored = rows(database.dsn)
            proxy.on = once = Once(when, cut)
            run.until(once.happened, f"the cut {moment}")
            with api.silent():
                run.until(grown(database.dsn, stored), "the batch stored again")
        judge(run.end(), database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(40)
def test_a_commit_that_goes_on_after_its_connection_is_gone_counts_once(api: Feed, database: Database) -> None:
    with WireProxy(database.dsn) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        # From here on the server takes a second to commit once, and its client is gone as soon as it has begun.
        cut = Once(lambda message: message.is_batch_commit, Cut(after=True))
        database.execute(SLOW_COMMIT)
        proxy.on = cut
        result = run.end()
        assert cut.done == 1
        assert database.value("SELECT is_called FROM hold")
        judge(result, database.dsn, api)


@pytest.mark.fault(41, 48)
def test_a_server_that_lets_nobody_in_for_a_while_is_waited_for(api: Feed, database: Database) -> None:
    with WireProxy(database.dsn) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        proxy.refuse = "57P03"
        proxy.cut()
        for then in ("53300", "down", None):  # it starts, is full, is gone, and is there
            run.until(proxy.reached(proxy.connections + 2), "two attempts")
            proxy.refuse, proxy.down = (None, True) if then == "down" else (then, False)
        judge(run.end(), database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(41)
def test_a_database_that_stays_away_ends_the_run_by_retry_for_and_the_next_run_goes_on(
    api: Feed, database: Database
) -> None:
    with WireProxy(database.dsn) as proxy:
        with Running(proxy.dsn(database.name), api.base_url, "--retry-for", "1") as run:
            run.until(lambda: rows(database.dsn) > 0, "the first rows")
            proxy.down = True
            proxy.cut()
            result = run.end()
            assert_stored_again(run)
        assert result.code == 1
        assert result.error["code"] == "sink_unavailable"
        assert "kept failing for 1 s" in result.error["hint"]
        proxy.down = False
        with Running(proxy.dsn(database.name), api.base_url) as run:
            judge(run.end(), database.dsn, api, again=True)


@pytest.mark.fault(41)
def test_a_signal_while_the_database_is_away_is_obeyed(api: Feed, database: Database) -> None:
    with WireProxy(database.dsn) as proxy:
        with Running(proxy.dsn(database.name), api.base_url) as run:
            run.until(lambda: rows(database.dsn) > 0, "the first rows")
            proxy.down = True
            proxy.cut()
            run.until_said(STORING_AGAIN)
            run.interrupt()
            assert run.end(timeout=15).code == 130, "sooner than it would give the database up"
        proxy.down = False
        with Running(proxy.dsn(database.name), api.base_url) as run:
            judge(run.end(), database.dsn, api, again=True)
