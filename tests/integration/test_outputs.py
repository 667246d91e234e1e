"""The log reaches those who look for it, and its loss stops nothing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, environment, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


@pytest.mark.fault(68)
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&1 | head -c 10"])
def test_nobody_reading_the_log_stops_nothing(simulate: Simulate, database: Database, redirection: str) -> None:
    api = simulate(SimulatorOptions(count=900, page_cap=100, api_key=API_KEY, rate_limit="none"))
    command = Path(sys.executable).with_name("datasync")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"'{command}' ingest {redirection}"],
        env=environment(database.dsn, api.base_url),
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert database.value("SELECT count(*) FROM ingested_events") == 900
    assert done.returncode == 0


@pytest.mark.parametrize("key", ["ingestion", "complete", "e"])
def test_a_key_that_is_a_word_of_the_log_does_not_spoil_it(simulate: Simulate, database: Database, key: str) -> None:
    api = simulate(SimulatorOptions(count=10, api_key=key, rate_limit="none"))
    run = ingest(database.dsn, api.base_url, key=key)
    assert run.code == 0
    assert "ingestion complete" in run.stderr


def test_what_is_waited_for_and_asked_again_is_said(simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=300, page_cap=100, api_key=API_KEY, rate_limit="2/6", chaos="500=0.5:1"))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    assert any(line["event"] == "waiting for the rate limit" for line in run.lines)
    assert "500" in run.line("asking again")["reason"]


@pytest.mark.parametrize("command", [["demo", "--events", "10"], ["simulate", "--port", "0"]])
def test_without_the_extra_its_commands_say_what_to_install(command: list[str]) -> None:
    program = f"import sys; sys.modules['uvicorn'] = None; from datasync.cli import main; main({command!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "uvicorn" in done.stderr
    assert "pip install 'datasync[demo]'" in done.stderr
    assert "Traceback" not in done.stderr
