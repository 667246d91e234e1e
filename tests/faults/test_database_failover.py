"""A standby takes over, an old primary comes back: the run follows the server that may be written, and no other."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from datasync.testing import EmbeddedPostgres
from tests.running import Running
from tests.servers import PRIMARY, Standby, crash
from tests.support import Database
from tests.truth import STORING_AGAIN, Feed, ask, grown, judge, rows
from tests.wire import WireProxy

pytestmark = pytest.mark.usefixtures("memory", "workdir")

TAKE_OVER = "UPDATE cursor_state SET epoch = epoch + 1"
"""What a run that begins elsewhere does first."""


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    """A server that can be followed."""
    with EmbeddedPostgres(settings=PRIMARY) as server:
        yield server


@pytest.mark.fault(42)
def test_a_failover_to_a_standby_is_followed_once_that_takes_writes(api: Feed, primary: EmbeddedPostgres) -> None:
    with (
        Standby(primary, synchronous=True) as standby,
        WireProxy(primary.dsn) as proxy,
        Running(proxy.dsn("postgres"), api.base_url, "--durable") as run,
    ):
        run.until(lambda: rows(primary.dsn) > 0, "the first rows")
        crash(primary)
        proxy.target = standby.dsn  # the name leads to the standby before that is promoted
        run.until(proxy.reached(proxy.connections + 2), "attempts on a server that is read-only")
        standby.promote()
        judge(run.end(), standby.dsn, api)
        assert any(re.search("takes no writes|read.only", line["reason"]) for line in run.lines(STORING_AGAIN)), (
            run.stderr
        )


@pytest.mark.fault(42, 54)
def test_a_standby_that_lacks_the_last_commits_is_never_written_over_the_gap(
    api: Feed, primary: EmbeddedPostgres
) -> None:
    with Standby(primary, synchronous=False) as standby, WireProxy(primary.dsn) as proxy:
        with Running(proxy.dsn("postgres"), api.base_url) as run:
            run.until(lambda: rows(standby.dsn) > 0, "the first rows on the standby")
            standby.fall_behind()
            before = rows(standby.dsn)
            run.until(lambda: rows(primary.dsn) >= before + 400, "rows that the standby lacks")
            with api.silent():
                crash(primary)
                standby.promote()
                proxy.target = standby.dsn
            result = run.end()
        if result.code == 1:  # it may stop where the database is behind what it has been told
            assert result.error["code"] in ("commits_lost", "sink_unavailable", "rows_missing")
            assert rows(standby.dsn) == before
            with Running(standby.dsn, api.base_url) as run:
                result = run.end()
        judge(result, standby.dsn, api, again=True)


@pytest.mark.fault(42)
def test_of_two_servers_in_the_address_the_one_that_takes_writes_is_used(api: Feed, primary: EmbeddedPostgres) -> None:
    with (
        Standby(primary, synchronous=True) as standby,
        WireProxy(standby.dsn) as first,
        WireProxy(primary.dsn) as second,
    ):
        # As in a cluster's address: which of the two it is changes.
        ports = ",".join(str(urlsplit(proxy.dsn("postgres")).port) for proxy in (first, second))
        address = f"postgresql://postgres@/postgres?host=127.0.0.1,127.0.0.1&port={ports}"
        with Running(address, api.base_url, "--durable") as run:
            run.until(lambda: rows(primary.dsn) > 0, "the first rows")
            crash(primary)
            standby.promote()
            judge(run.end(), standby.dsn, api)


@pytest.mark.fault(42)
def test_a_server_that_is_read_only_is_named_as_such_at_the_start(api: Feed, primary: EmbeddedPostgres) -> None:
    with Standby(primary, synchronous=False) as standby, Running(standby.dsn, api.base_url) as run:
        result = run.end()
        assert result.code == 2
        assert result.error["code"] in ("sink_unavailable", "config")
        assert re.search("takes no writes|read.only", result.error["event"] + result.error["hint"])
        assert "ingestion complete" not in result.stderr


@pytest.mark.fault(42)
def test_a_database_that_turns_read_only_for_a_while_is_waited_for(api: Feed, database: Database) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        with api.silent():
            database.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
            database.fetch(f"{others} AND pid <> pg_backend_pid()")
        run.until_said(STORING_AGAIN, more_than=1)
        writable = f"ALTER DATABASE {database.name} RESET default_transaction_read_only"
        database.execute(f"BEGIN READ WRITE; {writable}; COMMIT")
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(43)
def test_a_run_that_was_superseded_on_the_new_primary_writes_nothing_there(
    api: Feed, primary: EmbeddedPostgres
) -> None:
    with Standby(primary, synchronous=True) as standby, WireProxy(primary.dsn) as proxy:
        with Running(proxy.dsn("postgres"), api.base_url, "--durable") as run:
            run.until(lambda: rows(primary.dsn) > 0, "the first rows")
            crash(primary)
            standby.promote()
            ask(standby.dsn, TAKE_OVER)
            found = rows(standby.dsn)
            proxy.target = standby.dsn
            result = run.end()
        assert result.code == 1
        assert result.error["code"] == "lease_lost"
        assert rows(standby.dsn) == found
        with Running(proxy.dsn("postgres"), api.base_url, "--durable") as run:
            judge(run.end(), standby.dsn, api, again=True)


@pytest.mark.fault(43)
def test_an_old_primary_that_comes_back_gets_nothing_that_the_new_one_lacks(
    api: Feed, primary: EmbeddedPostgres
) -> None:
    with Standby(primary, synchronous=True) as standby, WireProxy(primary.dsn) as proxy:
        with Running(proxy.dsn("postgres"), api.base_url, "--durable") as run:
            run.until(lambda: rows(primary.dsn) > 0, "the first rows")
            with api.silent():
                crash(primary)
                standby.promote()
                moved = rows(standby.dsn)
                proxy.target = standby.dsn
            run.until(grown(standby.dsn, moved), "rows on the new primary")
            with api.silent():
                primary.restart()
                ask(primary.dsn, "ALTER SYSTEM RESET synchronous_standby_names")
                ask(primary.dsn, "SELECT pg_reload_conf()")
                left = rows(primary.dsn)
                proxy.target = primary.dsn  # the name leads back to a server that has missed what came since
                proxy.cut()
            result = run.end()
        assert result.code == 1, "a gap must not be written over"
        assert result.error["code"] in ("commits_lost", "lease_lost", "rows_missing")
        assert rows(primary.dsn) == left
        with Running(standby.dsn, api.base_url) as run:
            judge(run.end(), standby.dsn, api, again=True)
