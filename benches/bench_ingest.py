"""(b) Events from the unlimited simulator into an embedded PostgreSQL, against the database's bound.

The bound is the same rows, encoded beforehand, written by the same sink with no API at all. Both begin with an empty
database and include connecting and making the tables. The two take turns. API, program and database share two cores:
what fetching and encoding take (some 1.4 us a row) the database can't have, so that its bound can't be reached.
"""

import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import pages
from benches.pairs import paired
from benches.writing import Target, settings, store
from datasync import app, loop
from datasync.config.schema import WriteSettings
from datasync.model import Chunk
from datasync.pipeline.lanes import FastLane
from datasync.plugins import Plugins
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.events import PLAN
from tests.support import environment

EVENTS = 200_000
NOW_US = 1_769_600_000_000_000

# Runs the command from a small process: one that is forked off this one would count this one's memory as its own.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "datasync", "ingest"], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture
def target(server_dsn: str) -> Iterator[Target]:
    """An empty database."""
    target = Target(server_dsn)
    yield target
    target.database.drop()


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    """All events, encoded."""
    lane = FastLane(msgspec.structs.replace(PLAN, jsonb_order=True))  # as a run does
    return [lane.encode(body, cursor=None, now_us=NOW_US) for body in pages.served(EVENTS)]


def read(api: SimulatorProcess, dsn: str, write: WriteSettings) -> int:
    """A whole run, in this process: starting Python is not what is measured. Give the rows."""
    stats = loop.run(app.ingest(settings(dsn, api.base_url, write), Plugins()))
    assert stats.rows + stats.quarantined == EVENTS
    return stats.rows


@pytest.mark.parametrize(("way", "bound"), [("staged", "staged"), ("direct", "direct"), ("direct", "staged")])
def test_ingest_against_the_database_bound(
    benchmark: BenchmarkFixture, chunks: list[Chunk], target: Target, way: str, bound: str
) -> None:
    """By either way in; a first load as it comes goes the direct one."""
    write, theirs = WriteSettings(direct=way == "direct"), WriteSettings(direct=bound == "direct")
    with SimulatorProcess(SimulatorOptions(count=EVENTS, rate_limit="none", api_key="bench")) as api:
        paired(
            benchmark,
            lambda: read(api, target.database.dsn, write),
            lambda: store(chunks, target.database.dsn, theirs),
            name=f"ingest, {way} / {bound} bound of the database (1 is the bound)",
            timer=time.perf_counter,
            rounds=5,
            reset=target.renew,
        )
    info = benchmark.extra_info
    info["figures"] = [
        (f"whole ingest, 200,000 events, {way}", f"{EVENTS / info['ours_median']:,.0f} events/s"),
        (f"the same rows by the same sink, no API, {bound}", f"{EVENTS / info['theirs_median']:,.0f} rows/s"),
    ]


def test_one_record_in_a_hundred_is_bad(benchmark: BenchmarkFixture, target: Target) -> None:
    """1 % of the records hold what PostgreSQL refuses, and go to quarantine."""
    clean = SimulatorOptions(count=EVENTS, rate_limit="none", api_key="bench")
    poisoned = SimulatorOptions(count=EVENTS, rate_limit="none", api_key="bench", chaos="nul=0.01")
    with SimulatorProcess(clean) as good, SimulatorProcess(poisoned) as bad:
        paired(
            benchmark,
            lambda: read(bad, target.database.dsn, WriteSettings()),
            lambda: read(good, target.database.dsn, WriteSettings()),
            name="1 % bad records: ingest without / with them (0.9 is 10 % slower)",
            timer=time.perf_counter,
            rounds=5,
            reset=target.renew,
        )


@pytest.mark.parametrize("events", [200_000, 1_000_000])
def test_peak_memory(benchmark: BenchmarkFixture, target: Target, events: int) -> None:
    """Peak RSS of a whole `datasync ingest` process, in MB (10^6 bytes)."""
    with SimulatorProcess(SimulatorOptions(count=events, rate_limit="none", api_key="bench")) as api:
        env = environment(target.database.dsn, api.base_url, key="bench")

        def ingest() -> int:
            done = subprocess.run([sys.executable, "-c", MEASURE], env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return int(done.stdout) * 1024  # Linux gives KiB

        peak = benchmark.pedantic(ingest, rounds=1)  # type: ignore[no-untyped-call]  # the library has no type here
    assert target.database.value("SELECT count(*) FROM ingested_events") == events
    benchmark.extra_info["peak_rss_mb"] = round(peak / 1e6, 1)
    benchmark.extra_info["events"] = events
