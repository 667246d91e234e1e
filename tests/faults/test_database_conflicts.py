"""Others in the same database: what they make the server refuse for the moment is stored again, and no wait hangs."""

import time
from collections.abc import Callable
from itertools import count

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.running import Running
from tests.support import Database
from tests.truth import STORING_AGAIN, TABLE, Feed, feed, grown, holding, judge, rows
from tests.wire import Action, Fail, Message, Once, WireProxy

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

TRANSIENT = ("40001", "40P01", "55P03", "57014", "53100", "53300", "25006", "57P03")

RIVAL = """
CREATE SEQUENCE rival;
CREATE TABLE rivals (touched int);
INSERT INTO rivals VALUES (0);
CREATE FUNCTION rival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('rival');
    UPDATE rivals SET touched = touched + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER rival BEFORE INSERT ON ingested_events FOR EACH STATEMENT EXECUTE FUNCTION rival();
"""
"""Each upsert also changes a row that somebody else wants."""

NAP = """
CREATE SEQUENCE naps;
CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('naps') IN (2, 3) THEN PERFORM pg_sleep(1); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER nap BEFORE INSERT ON ingested_events FOR EACH STATEMENT EXECUTE FUNCTION nap();
"""
"""Some upserts take a second longer."""


IDLE = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
"""


def waits(database: Database) -> int:
    """Server processes of the run that wait for a lock."""
    found: int = database.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found


@pytest.mark.fault(44, 45, 46, 47)
def test_each_refusal_that_may_pass_is_tried_again_and_said(simulate: Simulate, database: Database) -> None:
    # Many small batches, of which every other one fails: each code meets a batch of its own.
    api = simulate(feed(count=8000, page_cap=50, latency=0.01))
    codes, copies = iter(TRANSIENT), count()
    with WireProxy(database.dsn) as proxy:
        proxy.on = fault = Once(
            lambda message: message.answers("COPY") and next(copies) % 2 == 1,
            lambda _message: Fail(next(codes)),
            times=len(TRANSIENT),
        )
        with Running(proxy.dsn(database.name), api.base_url) as run:
            judge(run.end(), database.dsn, api)
            assert fault.done == len(TRANSIENT)
            lines = run.lines(STORING_AGAIN)
    assert len(lines) >= len(TRANSIENT)
    assert {line["code"] for line in lines} == {"sink_unavailable", "sink_conflict"}
    assert all(line["level"] == "warning" and line["reason"] for line in lines)


@pytest.mark.fault(45)
def test_a_real_deadlock_costs_a_batch_nothing_but_time(api: Feed, database: Database) -> None:
    database.execute(f"{TABLE}{RIVAL} ALTER DATABASE {database.name} SET deadlock_timeout = '400ms'")
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with holding(database.dsn, "SET deadlock_timeout = '1h'; UPDATE rivals SET touched = touched") as then:
            run.until(lambda: waits(database), "the run waits for the rival")
            # The run, which waits for us, has locked the target. It looks for deadlocks after 400 ms of waiting, and
            # nobody else does: so the run is the one that the server chooses to fail.
            then("SET lock_timeout = '10s'; LOCK TABLE ingested_events IN SHARE MODE")
        judge(run.end(), database.dsn, api)
        assert "deadlock" in run.lines(STORING_AGAIN)[0]["reason"]


@pytest.mark.fault(45)
def test_a_serializable_database_with_another_writer_ends_with_every_row(api: Feed, database: Database) -> None:
    database.execute(
        f"{TABLE}{RIVAL} ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'"
    )
    with Running(database.dsn, api.base_url) as run:
        for _ in range(2):
            run.until(grown(database.dsn, rows(database.dsn)), "more rows")
            change = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; UPDATE rivals SET touched = touched"
            with holding(database.dsn, change) as then:
                run.until(lambda: waits(database), "the run waits for the rival")
                with api.silent():
                    then("COMMIT")  # a snapshot of the whole transaction would be older, and its update refused
        judge(run.end(), database.dsn, api)
        # The run says itself what its transactions see, whatever the database's default is.
        assert not run.lines(STORING_AGAIN), run.stderr


@pytest.mark.fault(46)
@pytest.mark.parametrize("table", ["ingested_events", "cursor_state"])
def test_a_table_locked_by_somebody_else_is_waited_for_in_bounds(api: Feed, database: Database, table: str) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with holding(database.dsn, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
            run.until_said(STORING_AGAIN)
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(46)
def test_a_lock_that_is_never_released_ends_the_run_by_retry_for(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url, "--retry-for", "1") as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with holding(database.dsn, "LOCK TABLE ingested_events IN ACCESS EXCLUSIVE MODE"):
            result = run.end(timeout=45)
    assert result.code == 1
    assert result.error["code"] in ("sink_unavailable", "sink_conflict")
    assert "kept failing for 1 s" in result.error["hint"]
    with Running(database.dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api, again=True)


@pytest.mark.fault(47)
def test_a_statement_timeout_of_the_server_is_no_loss(api: Feed, database: Database) -> None:
    database.execute(f"{TABLE}{NAP} ALTER DATABASE {database.name} SET statement_timeout = '400ms'")
    with Running(database.dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api)
    assert database.value("SELECT last_value FROM naps") > 3


@pytest.mark.fault(47)
def test_statements_that_somebody_cancels_are_sent_again(api: Feed, database: Database) -> None:
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        cancel = (
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with holding(database.dsn, "LOCK TABLE ingested_events IN SHARE MODE"):
            run.until(lambda: database.fetch(cancel), "a statement to cancel")
            run.until_said(STORING_AGAIN)
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(47)
def test_a_transaction_that_was_idle_for_too_long_is_stored_again(api: Feed, database: Database) -> None:
    database.execute(f"ALTER DATABASE {database.name} SET idle_in_transaction_session_timeout = '200ms'")
    with WireProxy(database.dsn) as proxy:

        def hold(_message: Message) -> Action:
            # The session of a held COMMIT is idle in its transaction until the server ends it, if the run lets it.
            deadline = time.monotonic() + 1
            while database.value(IDLE) and time.monotonic() < deadline:
                time.sleep(0.02)
            return None

        proxy.on = held = Once(lambda message: message.is_batch_commit, hold, times=2)
        with Running(proxy.dsn(database.name), api.base_url) as run:
            judge(run.end(), database.dsn, api)
        assert held.done == 2
