"""Several runs on one key share its rate limit, if told to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, environment, finish, start

pytestmark = pytest.mark.usefixtures("workdir")

RUNS = 3
EVENTS = 2400
PAGE = 100

# The list under names of their own: two runs of one stream would shut each other out.
PLUGIN = """
import os
from datasync import hookspecs
from datasync.endpoints.datasync_api import EventsEndpoint

class Copy(EventsEndpoint):
    name = "copy." + os.environ["COPY"]

@hookspecs.hookimpl
def register_endpoints(register):
    register("copy", Copy)
"""


@pytest.mark.parametrize("shared", [True, False])
def test_runs_that_share_a_limit_are_refused_nothing(
    simulate: Callable[[SimulatorOptions], SimulatorProcess], database: Database, tmp_path: Path, *, shared: bool
) -> None:
    plugin = tmp_path / "copy_plugin.py"
    plugin.write_text(PLUGIN)
    api = simulate(SimulatorOptions(count=EVENTS, api_key=API_KEY, page_cap=PAGE, rate_limit="30/4", prerender="none"))
    arguments = ["ingest", "--plugin", str(plugin), "--endpoint", "copy", *(["--shared-limit"] if shared else [])]
    runs = [start(arguments, environment(database.dsn, api.base_url, COPY=str(number))) for number in range(RUNS)]
    done = [finish(run) for run in runs]
    assert [run.code for run in done] == [0] * RUNS, [run.stderr for run in done]
    assert database.value("SELECT count(*) FROM ingested_events") == EVENTS
    refused = sum(entry.status == 429 for entry in api.served())
    assert sum(run.line("ingestion complete")["refused"] for run in done) == refused
    # Without sharing each keeps to the limit by what the headers say, and is refused now and then.
    assert refused == 0 or not shared
    assert database.value("SELECT to_regclass('datasync_budget') IS NOT NULL") is shared
