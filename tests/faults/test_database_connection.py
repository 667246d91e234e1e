"""Connections to the database that break, at any moment: what was in hand is stored on the next one, once."""

from collections.abc import Callable

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.running import Running
from tests.support import Database
from tests.truth import STORING_AGAIN, feed, holding, judge, rows
from tests.wire import Action, Cut, Message, Once, WireProxy

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
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
def test_server_processes_killed_while_idle_are_replaced(simulate: Simulate, database: Database) -> None:
    api = simulate(feed(latency=0.1))
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        run.until(lambda: kill(database, "state = 'idle'"), "an idle process")
        stored = rows(database.dsn)
        run.until(lambda: rows(database.dsn) > stored, "more rows")
        run.until(lambda: kill(database), "processes to kill again")
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(39)
def test_a_server_process_killed_in_copy_loses_no_row_of_it(simulate: Simulate, database: Database) -> None:
    api = simulate(feed())
    killed = []

    def terminate(_message: Message) -> Action:
        killed.append(kill(database, "query ILIKE 'COPY%' AND state = 'active'"))
        return None

    second = Once(lambda message: message.is_copy_data and rows(database.dsn) > 0, terminate)
    with WireProxy(database.dsn, second) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        result = run.end()
        assert killed == [1]
        judge(result, database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(39)
def test_a_server_process_killed_in_the_upsert_leaves_nothing_of_the_batch(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(feed())
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with holding(database.dsn, "LOCK TABLE ingested_events IN SHARE MODE"):
            run.until(lambda: kill(database, "wait_event_type = 'Lock' AND query ILIKE '%INSERT INTO%'"), "an upsert")
        result = run.end()
        judge(result, database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(40)
@pytest.mark.parametrize("lost", ["copy", "commit", "answer"])
def test_a_connection_cut_in_a_batch_is_no_loss_and_counts_nothing_twice(
    simulate: Simulate, database: Database, lost: str
) -> None:
    moment = {
        "copy": lambda message: message.is_copy_data,
        "commit": lambda message: message.is_batch_commit,
        "answer": lambda message: message.is_batch_committed,
    }[lost]
    api = simulate(feed())
    twice = Once(moment, lambda _message: Cut(after=lost == "copy"), times=2)
    with WireProxy(database.dsn, twice) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        result = run.end()
        assert twice.done == 2
        judge(result, database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(40)
def test_a_commit_that_goes_on_after_its_connection_is_gone_counts_once(simulate: Simulate, database: Database) -> None:
    api = simulate(feed())
    with WireProxy(database.dsn) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        # From here on the server takes a second to commit once, and its client is gone as soon as it has begun.
        cut = Once(lambda message: message.is_batch_commit, lambda _message: Cut(after=True))
        database.execute(SLOW_COMMIT)
        proxy.on = cut
        result = run.end()
        assert cut.done == 1
        assert database.value("SELECT is_called FROM hold")
        judge(result, database.dsn, api)


@pytest.mark.fault(41, 48)
@pytest.mark.parametrize("code", ["57P03", "53300", None])
def test_a_server_that_lets_nobody_in_for_a_while_is_waited_for(
    simulate: Simulate, database: Database, code: str | None
) -> None:
    api = simulate(feed())
    with WireProxy(database.dsn) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        proxy.refuse, proxy.down = code, code is None
        before = proxy.connections
        proxy.cut()
        run.until(lambda: proxy.connections >= before + 3, "three attempts")
        proxy.refuse, proxy.down = None, False
        judge(run.end(), database.dsn, api)
        assert_stored_again(run)


@pytest.mark.fault(41)
def test_a_database_that_stays_away_ends_the_run_by_retry_for_and_the_next_run_goes_on(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(feed())
    with WireProxy(database.dsn) as proxy:
        with Running(proxy.dsn(database.name), api.base_url, "--retry-for", "1") as run:
            run.until(lambda: rows(database.dsn) > 0, "the first rows")
            proxy.down = True
            proxy.cut()
            result = run.end()
            assert_stored_again(run)
        assert result.code == 1
        assert result.error["code"] == "sink_unavailable"
        assert "--retry-for" in result.error["hint"]
        proxy.down = False
        with Running(proxy.dsn(database.name), api.base_url) as run:
            judge(run.end(), database.dsn, api, again=True)


@pytest.mark.fault(41)
def test_a_signal_while_the_database_is_away_is_obeyed(simulate: Simulate, database: Database) -> None:
    api = simulate(feed())
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
