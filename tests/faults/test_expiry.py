"""SIGKILL, a pause in which every cursor expires, and a restart, again and again: all is stored, each record once."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests import rereading, windowed
from tests.support import API_KEY, Database, environment, finish, ingest, kill_once_served, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

EVENTS = 20_000
PAGE = 100
TTL = 0.6


def options(**more: object) -> SimulatorOptions:
    chosen = {"count": EVENTS, "api_key": API_KEY, "rate_limit": "none", "page_cap": PAGE, "latency": 0.004, **more}
    return SimulatorOptions(cursor_ttl=TTL, **chosen)  # type: ignore[arg-type]  # by name


def identity(database: Database) -> None:
    """What was served is what was stored, came twice, was refused, or was left out."""
    row = database.fetch(
        "SELECT events_ingested + duplicates + quarantined + dropped AS told, served, events_ingested,"
        " (SELECT count(*) FROM ingested_events) AS rows, (SELECT sum(served) FROM stream_partitions) AS parts"
        " FROM cursor_state"
    )[0]
    assert row["told"] == row["served"] == row["parts"]
    assert row["events_ingested"] == row["rows"]


def nothing_twice(api: SimulatorProcess, database: Database, status: Literal[400, 502], *, kills: int) -> None:
    """Kill so many runs, each longer ago than cursors live, and let one end: no record is read again."""
    for _ in range(kills):
        process = start(["ingest"], environment(database.dsn, api.base_url))
        kill_once_served(process, api, len(api.served()) + 20, 0.0)
        time.sleep(TTL)
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["reseeks"] >= 1
    gone = sum(answer.status == status for answer in api.served())
    assert gone >= kills, "every run began with a cursor that was gone"
    assert tuple(database.fetch("SELECT duplicates, served FROM cursor_state")[0]) == (0, api.options.count)
    assert {row[0] for row in database.fetch("SELECT id FROM ingested_events")} == set(
        Dataset(1, api.options.count).ids()
    )
    identity(database)


@pytest.mark.usefixtures("workdir")
def test_an_endpoint_that_builds_cursors_reads_nothing_twice(simulate: Simulate, database: Database) -> None:
    # The gateway's word for it; the windows below get 400.
    nothing_twice(simulate(options(expired_status=502)), database, 502, kills=3)


CONFIGURATION = """
[api]
base_url = "${API_BASE_URL}"
auth = { kind = "header", key = "${API_KEY}" }

[sink]
kind = "postgres"
url = "${DATABASE_URL}"

[[endpoint]]
name = "mine"
path = "/events"
records = "data"

[endpoint.paging]
kind = "cursor"
next = "pagination.nextCursor"
has_more = "pagination.hasMore"
total = "meta.total"
size = 100
ttl = "500ms"
expired = ["CURSOR_EXPIRED"]

[endpoint.paging.renew]
members = { id = "$key", ts = "$timestamp_ms", v = 2 }
expires = "exp"
lifetime = "110s"

[endpoint.table]
name = "ingested_events"
columns = [
    "id text key required",
    { name = "event_type", path = "type" },
    "timestamp timestamptz",
    { name = "data", path = "", type = "jsonb", required = true },
]
"""


@pytest.mark.parametrize("status", [400, 502])
def test_a_configuration_that_says_how_cursors_are_written_reads_nothing_twice(
    simulate: Simulate, database: Database, workdir: Path, status: Literal[400, 502]
) -> None:
    (workdir / "datasync.toml").write_text(CONFIGURATION)
    nothing_twice(simulate(options(count=8000, expired_status=status)), database, status, kills=2)
    assert database.value("SELECT stream FROM cursor_state") == "mine"


def test_windows_whose_cursors_are_all_gone_go_on_in_their_places(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    api = simulate(options(prerender="none", latency=0.02))
    env = environment(database.dsn, api.base_url)
    for _ in range(2):
        process = windowed.start(env, 6)
        kill_once_served(process, api, len(api.served()) + 45, 0.0)
        time.sleep(TTL)
    run = finish(windowed.start(env, 6))
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["reseeks"] >= 4
    assert {row[0] for row in database.fetch("SELECT id FROM ingested_events")} == set(Dataset(1, EVENTS).ids())
    identity(database)


def test_an_endpoint_that_reads_again_says_so_and_counts_exactly(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    rereading.write(workdir)
    chance = random.Random(5)
    api = simulate(options(count=8000))
    arguments = [*rereading.ARGUMENTS, "--transform", "picky"]
    for _ in range(3):
        process = start(["ingest", *arguments], environment(database.dsn, api.base_url))
        kill_once_served(process, api, len(api.served()) + chance.randrange(8, 40), chance.random() * 0.02)
        time.sleep(TTL)
        identity(database)
    run = ingest(database.dsn, api.base_url, *arguments)
    assert run.code == 0, run.stderr
    warning = run.line("the cursor expired: reading again from the beginning of its window")
    assert warning["pages"] >= 1
    assert "duplicates" in warning["hint"]
    wanted = {id for id in Dataset(1, 8000).ids() if not id.startswith(("0", "1"))}
    assert {row[0] for row in database.fetch("SELECT id FROM ingested_events")} == wanted
    state = database.fetch("SELECT * FROM cursor_state")[0]
    assert state["served"] > 8000
    assert (state["dropped"], state["complete"]) == (8000 - len(wanted), True)
    identity(database)
