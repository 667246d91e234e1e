"""(b) Events from the unlimited simulator into an embedded PostgreSQL, against the database's bound.

The bound is the same rows, encoded beforehand, written by the same sink in full batches with no API at all. Both begin
with an empty database and include connecting and making the tables. The two take turns.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import pages
from benches.pairs import paired
from datasync import app, loop
from datasync.config import Secret, Settings
from datasync.endpoints.datasync_chain import PLAN
from datasync.model import Batch, Checkpoint, Chunk
from datasync.pipeline.lanes import FastLane
from datasync.plugins import Plugins
from datasync.simulator import SimulatorOptions, SimulatorProcess
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database, environment

EVENTS = 200_000
PAGE = 5_000
NOW_US = 1_769_600_000_000_000

# Runs the command from a small process: one that is forked off this one would count this one's memory as its own.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "datasync", "ingest"], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""

_numbers = count(1)


class Target:
    """A database that is made anew for each run."""

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self.database = self._create()

    def _create(self) -> Database:
        return Database.create(self._server_dsn, f"bench_ingest_{next(_numbers)}")

    def renew(self) -> None:
        """Drop it, make another, and let the server write back what it owes."""
        self.database.drop()
        self.database = self._create()
        self.database.execute("CHECKPOINT")


@pytest.fixture
def target(server_dsn: str) -> Iterator[Target]:
    """An empty database."""
    target = Target(server_dsn)
    yield target
    target.database.drop()


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    """All events, encoded."""
    lane = FastLane(PLAN)
    return [lane.encode(body, cursor=None, now_us=NOW_US) for body in pages.served(EVENTS)]


def write(chunks: list[Chunk], dsn: str) -> None:
    """Store `chunks` in batches of the default size, nothing else."""
    secret = Secret("unused", source="bench")
    settings = Settings(Secret(dsn, source="bench"), "http://unused", secret)
    per_batch = settings.batch.rows // PAGE

    async def main() -> None:
        sink = PostgresSink(settings, "datasync.events", PLAN)
        await sink.connect()
        await sink.open()
        for first in range(0, len(chunks), per_batch):
            await sink.commit(Batch(chunks[first : first + per_batch], Checkpoint(str(first), pages=first)))
        await sink.close()

    loop.run(main())


def test_ingest_against_the_database_bound(benchmark: BenchmarkFixture, chunks: list[Chunk], target: Target) -> None:
    """Both in this process: starting Python is not what is measured."""
    with SimulatorProcess(SimulatorOptions(count=EVENTS, rate_limit="none", api_key="bench")) as api:

        def ingest() -> None:
            key = Secret("bench", source="bench")
            settings = Settings(Secret(target.database.dsn, source="bench"), api.base_url, key)
            stats = loop.run(app.ingest(settings, Plugins()))
            assert stats.rows == EVENTS

        paired(
            benchmark,
            ingest,
            lambda: write(chunks, target.database.dsn),
            name="ingest / database bound (1 is the bound)",
            timer=time.perf_counter,
            rounds=5,
            reset=target.renew,
        )
    benchmark.extra_info["events_per_second"] = round(EVENTS / benchmark.extra_info["ours_median"])
    benchmark.extra_info["bound_events_per_second"] = round(EVENTS / benchmark.extra_info["theirs_median"])


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
