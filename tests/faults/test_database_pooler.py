"""Behind a pooler in transaction mode, and where the server gives no more connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bouncer import PROGRAM, Bouncer
from tests.running import Running
from tests.support import Database, environment, finish, start
from tests.truth import STORING_AGAIN, Feed, as_role, grown, judge, rows

pytestmark = pytest.mark.usefixtures("workdir")

pooled = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def bouncer(database: Database) -> Iterator[Bouncer]:
    """A pooler in front of the test's database."""
    with Bouncer(database.dsn) as bouncer:
        yield bouncer


@pooled
@pytest.mark.fault(48)
@pytest.mark.parametrize("lane", ["fast", "record"])
def test_a_pooler_in_transaction_mode_makes_no_difference(
    api: Feed, database: Database, bouncer: Bouncer, workdir: Path, lane: str
) -> None:
    (workdir / "same.py").write_text("def same(record):\n    return record\n")
    arguments = ["--transform", "same:same"] if lane == "record" else []
    with Running(bouncer.dsn(database.name), api.base_url, *arguments) as run:
        judge(run.end(), database.dsn, api)
        assert not run.lines(STORING_AGAIN)


@pooled
@pytest.mark.fault(39, 48)
def test_a_pooler_whose_server_connections_die_under_it_loses_nothing(
    api: Feed, database: Database, bouncer: Bouncer
) -> None:
    with Running(bouncer.dsn(database.name), api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        for _ in range(2):
            stored = rows(database.dsn)
            database.fetch(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}")
            run.until(grown(database.dsn, stored), "more rows")
        judge(run.end(), database.dsn, api)


@pooled
@pytest.mark.fault(48, 56)
def test_two_runs_of_a_stream_behind_a_pooler_store_every_event_once(
    api: Feed, database: Database, bouncer: Bouncer
) -> None:
    with Running(bouncer.dsn(database.name), api.base_url) as first:
        first.until(lambda: rows(database.dsn) > 0, "the first rows")
        with Running(bouncer.dsn(database.name), api.base_url) as second:
            results = [second.end(), first.end()]
    losers = [result for result in results if result.code != 0]
    assert all(loser.error["code"] in ("sink_busy", "lease_lost") for loser in losers), losers
    winner = next(result for result in results if result.code == 0)
    judge(winner, database.dsn, api, again=True)


@pytest.mark.fault(48)
@pooled
def test_commands_work_behind_a_pooler_as_before_the_server(
    api: Feed, database: Database, bouncer: Bouncer, workdir: Path
) -> None:
    (workdir / "bad.py").write_text(
        "def bad(record):\n    return {**record, 'id': None} if record['id'] < '1' else record\n"
    )
    dsn = bouncer.dsn(database.name)
    with Running(dsn, api.base_url, "--transform", "bad:bad", "--max-rejects", "1") as run:
        assert run.end().code == 0
    refused = database.value("SELECT count(*) FROM quarantined_events")
    assert refused
    for command in (
        ("status",),
        ("state", "show", "datasync.events"),
        ("quarantine", "list"),
        ("quarantine", "replay", "--all"),
        ("state", "reset", "datasync.events", "--yes"),
        ("check",),
    ):
        for _ in range(2):  # by another server connection each time
            done = finish(start(list(command), environment(dsn, api.base_url)))
            assert done.code == 0, (command, done.stderr)
    assert database.value("SELECT count(*) FROM quarantined_events") == 0
    assert rows(database.dsn) == api.options.count
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert database.value(held) == 0


@pytest.mark.fault(48)
def test_a_role_that_has_used_up_its_connections_is_waited_for(api: Feed, database: Database) -> None:
    role = f"{database.name}_few"
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'; GRANT CREATE ON SCHEMA public TO {role}")
    try:
        with Running(as_role(database.dsn, role), api.base_url) as run:
            run.until(lambda: rows(database.dsn) > 0, "the first rows")
            with api.silent():
                database.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
                database.fetch(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}")
            run.until_said(STORING_AGAIN, more_than=1)
            database.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
            judge(run.end(), database.dsn, api)
    finally:
        database.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")
