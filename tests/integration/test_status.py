"""`datasync status` and `datasync state`, with nothing but DATABASE_URL."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from datasync.sinks.postgres import ddl
from tests.here import Here
from tests.older import STREAM, install
from tests.running import Running
from tests.support import API_KEY, Database, ingest, kept

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

SLOW = SimulatorOptions(count=1200, page_cap=100, api_key=API_KEY, latency=0.25, rate_limit="none")


def status(here: Here, database: Database) -> dict[str, Any]:
    (line,) = here(database, "status", "--json").stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_run_is_seen_while_it_goes_on_and_can_not_be_reset(
    here: Here, simulate: Simulate, database: Database
) -> None:
    api = simulate(SLOW)
    with Running(database.dsn, api.base_url) as running:
        running.until(lambda: len(api.served()) > 2, "two pages came")
        running.until(lambda: database.value("SELECT to_regclass('cursor_state') IS NOT NULL"), "tables")
        running.until(lambda: database.value("SELECT count(*) FROM cursor_state"), "the stream was begun")
        seen = status(here, database)
        assert (seen["stream"], seen["running"], seen["complete"]) == (STREAM, True, False)
        assert ", running" in here(database, "status").stdout
        refused = here(database, "state", "reset", STREAM, "--yes", code=2)
        assert refused.stderr.startswith(f"error: a run of `{STREAM}` is going on")
        assert (refused.stdout, status(here, database)["epoch"]) == ("", 1)
        done = running.end()
    assert done.code == 0, done.stderr
    seen = status(here, database)
    assert (seen["running"], seen["complete"], seen["percent"]) == (False, True, 100.0)
    assert (seen["rows"], seen["served"], seen["table"]) == (1200, 1200, "ingested_events")
    assert (seen["partitions"], seen["partitions_complete"]) == (1, 1)
    assert 0 <= seen["age"] < 60


def test_after_a_reset_the_next_run_reads_everything_and_rows_stay(
    here: Here, simulate: Simulate, database: Database
) -> None:
    api = simulate(SimulatorOptions(count=250, page_cap=100, api_key=API_KEY, rate_limit="none"))
    assert ingest(database.dsn, api.base_url).code == 0
    for answer in ("n\n", ""):
        refused = here(database, "state", "reset", STREAM, code=2, stdin=answer)
        assert "error: not confirmed: nothing was changed" in refused.stderr
        assert status(here, database)["complete"]
    said = here(database, "state", "reset", STREAM, stdin="y\n")
    assert "250 rows stay in ingested_events" in said.stdout
    seen = status(here, database)
    assert (seen["rows"], seen["served"], seen["complete"], seen["epoch"]) == (0, 0, False, 2)
    assert database.value("SELECT count(*) FROM ingested_events") == 250
    again = ingest(database.dsn, api.base_url).line("ingestion complete")
    assert (again["rows"], again["duplicates"], again["served"]) == (0, 250, 250)
    done = json.loads(here(database, "state", "reset", STREAM, "--yes", "--json").stdout)
    assert (done["epoch_before"], done["epoch"], done["served_forgotten"]) == (3, 4, 250)


@pytest.mark.parametrize("version", range(1, len(ddl.HISTORY.steps) + 1))
def test_a_database_of_any_older_version_is_shown_and_can_be_reset(
    here: Here, database: Database, version: int
) -> None:
    install(database, version)
    seen = status(here, database)
    assert {key: seen[key] for key in ("stream", "rows", "served", "duplicates", "updated", "percent", "epoch")} == {
        "stream": STREAM,
        "rows": 29,
        "served": 30,
        "duplicates": 1,
        "updated": 0,
        "percent": 25.0,
        "epoch": 4,
    }
    shown = json.loads(here(database, "state", "show", STREAM, "--json").stdout)
    (part,) = shown["partitions"]
    assert (part["number"], part["cursor"], part["pages"], part["complete"]) == (0, "c1", 3, False)
    assert "c1" in here(database, "state", "show", STREAM).stdout
    assert database.value("SELECT max(version) FROM datasync_schema") == version
    here(database, "state", "reset", STREAM, "--yes")
    row = database.fetch("SELECT epoch, served, source, cursor_value FROM cursor_state")[0]
    assert tuple(row) == (5, 0, "http://old", "")
    # None: the next run begins the stream, in whatever windows it wants.
    assert database.value("SELECT count(*) FROM stream_partitions") == 0
    assert (status(here, database)["partitions"], status(here, database)["complete"]) == (0, False)
    assert database.value("SELECT max(version) FROM datasync_schema") == len(ddl.HISTORY.steps)
    assert database.value("SELECT count(*) FROM ingested_events") == 1


def test_where_there_is_nothing_that_is_said(here: Here, database: Database) -> None:
    for _ in range(2):
        nothing = here(database, "status")
        assert (nothing.stdout, nothing.stderr.splitlines()) == (
            "",
            ["no streams in this database: nothing was ever stored here"],
        )
        assert here(database, "status", "--json").stdout == ""
        unknown = here(database, "state", "show", "other", code=2)
        assert "error: no stream `other` in this database" in unknown.stderr
        assert json.loads(here(database, "state", "export").stdout)["streams"] == []
        # The second time with the table of another program.
        database.execute("CREATE TABLE IF NOT EXISTS cursor_state (id SERIAL, cursor_value TEXT)")
    install_newer = "CREATE TABLE datasync_schema (version INT); INSERT INTO datasync_schema VALUES (999)"
    database.execute(install_newer)
    assert "hint: upgrade datasync" in here(database, "status", code=2).stderr


def test_looking_writes_nothing(here: Here, database: Database) -> None:
    install(database, len(ddl.HISTORY.steps))
    mark = "&" if "?" in database.dsn else "?"
    only_read = Database(f"{database.dsn}{mark}default_transaction_read_only=on", database.name, database.admin_dsn)
    for arguments in (["status"], ["state", "show", STREAM], ["state", "export"]):
        here(only_read, *arguments)
    assert "read-only" in here(only_read, "state", "reset", STREAM, "--yes", code=2).stderr


def test_what_a_stream_was_called_does_nothing_to_a_terminal(here: Here, database: Database) -> None:
    install(database, len(ddl.HISTORY.steps))
    database.execute("INSERT INTO cursor_state (stream, cursor_value, source) VALUES (E'a\\x1b[2J', '', E'\\x1b]0;')")
    for arguments in (["status"], ["status", "--json"], ["state", "show", "a\x1b[2J"], ["state", "show", "none"]):
        done = here(database, *arguments, code=2 if "none" in arguments else 0)
        assert "\x1b" not in done.stdout + done.stderr, arguments


def test_an_export_is_one_document_that_show_explains(here: Here, database: Database, workdir: Path) -> None:
    install(database, len(ddl.HISTORY.steps))
    assert here(database, "state", "export", "--output", "s.json").stdout == ""
    exported = json.loads((workdir / "s.json").read_text())
    assert exported["version"] == 1
    shown = json.loads(here(database, "state", "show", STREAM, "--json").stdout)
    from_file = json.loads(here("", "state", "show", STREAM, "--file", "s.json", "--json").stdout)
    for found in (exported["streams"][0], shown, from_file):
        found["stream"].pop("age")
    assert exported["streams"] == [shown] == [from_file]
    (workdir / "other.json").write_text("{}")
    refused = here("", "state", "show", STREAM, "--file", "other.json", code=2)
    assert refused.stderr.startswith("error: `other.json` is no export")


def watch(database: Database, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [Path(sys.executable).with_name("datasync"), "status", "--watch", *arguments],
        env=kept() | {"DATABASE_URL": database.dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_watch_says_what_changed_until_a_signal(database: Database, number: int, code: int) -> None:
    install(database, len(ddl.HISTORY.steps))
    watching = watch(database, "--json")
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["served"] == 30
    database.execute("UPDATE cursor_state SET served = 60, events_ingested = 59")
    found = json.loads(watching.stdout.readline())
    assert (found["served"], found["percent"]) == (60, 50.0)
    watching.send_signal(number)
    rest, errors = watching.communicate(timeout=30)
    assert (rest, errors, watching.returncode) == ("", "", code)


def test_a_watch_on_a_terminal_draws_the_streams_anew(database: Database) -> None:
    install(database, len(ddl.HISTORY.steps))
    master, slave = pty.openpty()
    watching = subprocess.Popen(
        [Path(sys.executable).with_name("datasync"), "status", "--watch"],
        env=kept() | {"DATABASE_URL": database.dsn, "TERM": "xterm", "COLUMNS": "150", "NO_COLOR": "1"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    seen = b""

    def until(text: bytes) -> None:
        nonlocal seen
        deadline = time.monotonic() + 30
        while text not in seen:
            assert time.monotonic() < deadline, seen
            seen += os.read(master, 65536)

    until(b"part, 25.0 %")
    database.execute("UPDATE cursor_state SET served = 60")
    until(b"part, 50.0 %")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(30) == 0
    os.close(master)
    assert STREAM.encode() in seen
    assert b"\x1b[3" not in seen
