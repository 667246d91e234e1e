"""SIGTERM and SIGINT: stop, store what is in hand, checkpoint, and go on exactly there the next time."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, Run, environment, finish, ingest, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


def await_answers(api: SimulatorProcess, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(api.served()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def await_rows(database: Database, count: int) -> None:
    deadline = time.monotonic() + 60
    while database.value("SELECT to_regclass('ingested_events') IS NULL") or (
        database.value("SELECT count(*) FROM ingested_events") < count
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.fault(58)
@pytest.mark.usefixtures("hangup")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_run_after_a_checkpoint_and_the_next_run_goes_on_there(
    simulate: Simulate, database: Database, number: signal.Signals, code: int
) -> None:
    api = simulate(SimulatorOptions(count=3000, api_key=API_KEY, rate_limit="none", page_cap=100, latency=0.03))
    process = start(["ingest"], environment(database.dsn, api.base_url))
    await_answers(api, 5)
    process.send_signal(number)
    run = finish(process)
    assert run.code == code, run.stderr
    assert "ingestion complete" not in run.stderr
    rows = run.line("ingestion interrupted")["rows"]
    assert 0 < rows < 3000
    # In-flight answers were waited for: nothing that was served is missing.
    assert rows == 100 * len(api.served())
    served_before = len(api.served())
    again = ingest(database.dsn, api.base_url)
    assert again.code == 0, again.stderr
    assert again.line("ingestion complete")["rows"] == 3000 - rows
    assert len(api.served()) == 30, "no page was asked for twice"
    assert served_before < 30
    dataset = Dataset(1, 3000)
    assert {row[0] for row in database.fetch("SELECT id FROM ingested_events")} == set(dataset.ids())


def test_a_signal_during_a_long_rate_limit_wait_is_obeyed_at_once(simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=3000, api_key=API_KEY, rate_limit="2/600", page_cap=100))
    process = start(["ingest"], environment(database.dsn, api.base_url))
    await_answers(api, 2)
    await_rows(database, 200)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    run = finish(process)
    assert run.code == 143, run.stderr
    assert run.line("ingestion interrupted")["rows"] == 200
    # Generous: an idle machine takes 0.1 s; the wait itself would be 600 s.
    assert time.monotonic() - asked < 20


@pytest.mark.fault(58)
def test_an_answer_that_never_ends_is_given_up_after_the_grace_time(simulate: Simulate, database: Database) -> None:
    api = simulate(
        SimulatorOptions(
            count=3000, api_key=API_KEY, rate_limit="none", page_cap=100, chaos="slow=1", slow_seconds=8.0, latency=0.0
        )
    )
    process = start(["ingest"], environment(database.dsn, api.base_url))
    await_answers(api, 1)
    process.send_signal(signal.SIGTERM)
    run = finish(process)
    assert run.code == 143, run.stderr


@pytest.mark.fault(58, 62)
def test_a_transform_that_hangs_does_not_hold_the_process(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import threading, datasync\n\n@datasync.transform('hang')\ndef hang(record): threading.Event().wait()\n"
    )
    api = simulate(SimulatorOptions(count=300, api_key=API_KEY, rate_limit="none", page_cap=100))
    arguments = ["ingest", "--plugin", "mine.py", "--transform", "hang"]
    process = start(arguments, environment(database.dsn, api.base_url))
    await_answers(api, 1)
    process.send_signal(signal.SIGTERM)
    assert finish(process).code == 143


@pytest.mark.fault(58)
def test_a_stalled_database_does_not_hold_the_process_longer_than_dockers_grace(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(SimulatorOptions(count=3000, api_key=API_KEY, rate_limit="none", page_cap=100, latency=0.05))
    process = start(["ingest"], environment(database.dsn, api.base_url))
    await_rows(database, 300)

    async def locked() -> Run:
        connection = await asyncpg.connect(database.dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE ingested_events IN ACCESS EXCLUSIVE MODE")
            process.send_signal(signal.SIGTERM)
            run = await asyncio.to_thread(finish, process)
        await connection.close()
        return run

    run = asyncio.run(locked())
    assert run.code == 143, run.stderr
    assert run.line("ingestion interrupted")["rows"] > 0
    assert ingest(database.dsn, api.base_url).code == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 3000


BLOCKED = """
import sys, time
from pathlib import Path
from datasync import app, loop
from datasync.config import Secret, Settings
from datasync.config.schema import ShutdownSettings
from datasync.hookspecs import hookimpl
from datasync.observe import log
from datasync.plugins import Plugins

class Blocks:
    @hookimpl
    def batch_committed(self):
        time.sleep(600)

dsn, base_url, key = (Secret(text, source="test") for text in sys.argv[1:])
settings = Settings(dsn, base_url.reveal(), key, shutdown=ShutdownSettings(in_flight=0.2, total=1.0))
log.configure(terminal=False, mask=settings.mask)
plugins = Plugins(entry_points=False)
plugins.manager.register(Blocks())
loop.run(app.ingest(settings, plugins))
"""


@pytest.mark.fault(58, 60)
@pytest.mark.parametrize("signals", [1, 2])
def test_a_hook_that_blocks_the_loop_does_not_keep_a_signal_from_ending_the_process(
    simulate: Simulate, database: Database, signals: int
) -> None:
    api = simulate(SimulatorOptions(count=3000, api_key=API_KEY, rate_limit="none", page_cap=100))
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED, database.dsn, api.base_url, API_KEY], stderr=subprocess.PIPE, text=True
    )
    await_rows(database, 100)
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)  # the same signal twice in one moment is one
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143, stderr
    assert ("ingestion interrupted" in stderr) is (signals == 1)
    assert ingest(database.dsn, api.base_url).code == 0


@pytest.mark.fault(58)
def test_a_second_signal_ends_the_process_at_once(simulate: Simulate, database: Database) -> None:
    api = simulate(
        SimulatorOptions(
            count=3000, api_key=API_KEY, rate_limit="none", page_cap=100, chaos="slow=0.5", slow_seconds=60.0
        )
    )
    process = start(["ingest"], environment(database.dsn, api.base_url))
    await_answers(api, 1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    run = finish(process)
    assert run.code in (130, 143)
