"""`datasync ingest --json`: one object on standard output, however the run ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.running import Running
from tests.support import API_KEY, Database, Run, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


def summary(run: Run) -> dict[str, Any]:
    (line,) = run.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    assert found["exit_code"] == run.code
    assert API_KEY not in run.stdout
    return found


def test_a_complete_run_sums_up_what_its_log_says(simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=250, page_cap=100, api_key=API_KEY, rate_limit="none"))
    run = ingest(database.dsn, api.base_url, "--json")
    found = summary(run)
    assert (found["outcome"], found["error"], found["rows"], found["endpoint"]) == ("complete", None, 250, "datasync")
    said = run.line("ingestion complete")
    same = said.keys() & found.keys() - {"seconds", "events_per_second"}
    assert {"pages", "served", "total", "timestamps"} <= same
    assert {key: found[key] for key in same} == {key: said[key] for key in same}


def test_a_run_that_is_stopped_sums_up_what_it_stored(simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=5000, page_cap=100, api_key=API_KEY, latency=0.2, rate_limit="none"))
    with Running(database.dsn, api.base_url, "--json") as running:
        running.until(lambda: len(api.served()) > 2, "two pages came")
        running.interrupt()
        run = running.end()
    found = summary(run)
    assert (found["outcome"], found["exit_code"], found["error"]["code"]) == ("interrupted", 130, "interrupted")
    assert found["rows"] == database.value("SELECT count(*) FROM ingested_events") > 0


def test_a_run_that_fails_says_why(simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=5, api_key=API_KEY, rate_limit="none"))
    found = summary(ingest(database.dsn, api.base_url, key="other", DATASYNC_INGEST_JSON="1"))
    assert (found["outcome"], found["error"]["code"], found["rows"]) == ("failed", "auth", 0)
    found = summary(ingest("postgresql://u:canary-pw@127.0.0.1:1/d", api.base_url, "--json"))
    assert (found["outcome"], found["error"]["code"]) == ("failed", "sink_unavailable")
    assert "canary-pw" not in json.dumps(found)
    assert ingest("mysql://", api.base_url).stdout == ""
