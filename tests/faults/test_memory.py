"""A stalled database stops the fetching, within the budget of memory; a stalled API holds no transaction open."""

import asyncio
import gzip
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import asyncpg
import pytest

from datasync.config.schema import BatchSettings
from datasync.simulator import SimulatorOptions, SimulatorProcess
from datasync.sinks.postgres import ddl
from tests import large
from tests.scripted import Answer, ScriptedApi, page
from tests.support import API_KEY, Database, environment, finish, ingest, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

MIB = 2**20
MOST = 80 * MIB  # the budget of 64, and a quarter for what the allocator keeps; without one it is over 100
HEADERS = {"DATASYNC_ACCESS_HEADERS": '{"X-Dashboard-Access": "demo"}'}


@contextmanager
def stalled(database: Database) -> Iterator[None]:
    """Nobody can write into the table meanwhile."""
    held, over = Event(), Event()

    async def hold() -> None:
        connection = await asyncpg.connect(database.dsn)
        await ddl.migrate(connection)
        async with connection.transaction():
            await connection.execute("LOCK TABLE ingested_events")
            held.set()
            await asyncio.to_thread(over.wait)
        await connection.close()

    thread = Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    try:
        assert held.wait(30)
        yield
    finally:
        over.set()
        thread.join()


def peak(process: "subprocess.Popen[str]") -> int:
    """The most memory that it had, in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("it has ended")


def await_rest(process: "subprocess.Popen[str]", api: SimulatorProcess) -> list[int]:
    """Wait until nobody has asked for a second; give the sizes of the answers until then, in records."""
    deadline, asked, since = time.monotonic() + 60, 0, time.monotonic()
    while asked == 0 or time.monotonic() - since < 1:
        assert time.monotonic() < deadline
        assert process.poll() is None
        answers = [answer.count for answer in api.served() if answer.endpoint != "access"]
        if len(answers) != asked:
            asked, since = len(answers), time.monotonic()
        time.sleep(0.02)
    return answers


def test_a_stalled_database_stops_the_requests_and_the_run_goes_on_after_it(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    api = simulate(SimulatorOptions(count=150_000, page_cap=1000, api_key=API_KEY, rate_limit="none"))
    with stalled(database):
        process = start(["ingest"], environment(database.dsn, api.base_url))
        answers = await_rest(process, api)
        batch = BatchSettings()
        # What waits, what is being written, and the pages that make it more and are on their way.
        assert sum(answers) <= (batch.waiting + 2) * batch.rows + 3000 < 150_000
    run = finish(process)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["retries"] == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 150_000


def test_huge_pages_of_many_windows_stay_within_the_budget_while_the_database_stands_still(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    large.write(workdir)
    options = SimulatorOptions(count=220_000, page_cap=28_000, api_key=API_KEY, rate_limit="none", prerender="none")
    api = simulate(options)
    arguments = ["ingest", *large.ARGUMENTS, "--partitions", "8", "--memory", "64MiB"]
    env = environment(database.dsn, api.base_url, **HEADERS)
    with stalled(database):
        process = start(arguments, env)
        before = 0
        while not api.served():
            before = peak(process)  # before the first page: the program itself
        answers = await_rest(process, api)
        assert len(answers) < 8, "a page of 10 MB for each of 8 windows finds no room"
        assert peak(process) - before < MOST
    while process.poll() is None and not database.value("SELECT coalesce(sum(served), 0) > 180000 FROM cursor_state"):
        assert peak(process) - before < MOST
        time.sleep(0.02)
    run = finish(process)
    assert run.code == 0, run.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 220_000


@pytest.mark.parametrize("packed", [False, True])
def test_a_page_that_finds_no_room_is_refused_with_the_name_of_the_flag(
    database: Database, workdir: Path, packed: bool
) -> None:
    status, _, body = page([f"{n:060}" for n in range(40_000)], None)
    answer: Answer = (status, {"Content-Encoding": "gzip"}, gzip.compress(body)) if packed else (status, {}, body)
    with ScriptedApi(lambda _: answer) as api:
        run = ingest(database.dsn, api.base_url, "--memory", "16MiB")
        assert (run.code, run.error["code"]) == (2, "contract_changed"), run.stderr
        assert f"{16 * MIB // 6:,} bytes" in run.error["event"]
        assert "--memory" in run.error["hint"]
        assert len(api.asked) <= 14
        assert ingest(database.dsn, api.base_url, DATASYNC_MEMORY="64MiB").code == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 40_000


def test_an_api_that_drips_holds_no_transaction_open(simulate: Simulate, database: Database, workdir: Path) -> None:
    options = SimulatorOptions(
        count=200, page_cap=100, api_key=API_KEY, rate_limit="none", chaos="slow=1", slow_seconds=2.0
    )
    api = simulate(options)
    process = start(["ingest"], environment(database.dsn, api.base_url))
    deadline = time.monotonic() + 60
    while database.value("SELECT to_regclass('ingested_events') IS NULL") or not database.value(
        "SELECT count(*) FROM ingested_events"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stored = time.monotonic()
    states = set()
    while time.monotonic() < stored + 0.8:
        found = database.fetch("SELECT state, xact_start FROM pg_stat_activity WHERE application_name = 'datasync'")
        states |= {(row["state"], row["xact_start"] is None) for row in found}
        time.sleep(0.05)
    assert not api.served()[-1].complete, "the second page was on its way all the time"
    assert states == {("idle", True)}
    assert finish(process).code == 0
