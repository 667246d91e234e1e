"""(a) One page of 5,000 events (1.73 MB) from bytes to COPY BINARY.

asyncpg's own encoder can't be called alone. So both ways go all the way into a real server's staging table and the
timer is this process's CPU time: the server's work doesn't count, handing the bytes to the socket counts on both
sides. That understates datasync's lead, because the handing over costs both the same.
"""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import pages, peers
from benches.pairs import paired
from datasync import loop
from datasync.endpoints.datasync_api import PLAN
from datasync.pipeline.lanes import FastLane
from datasync.sinks.postgres import copy, ddl
from tests.support import Database

NOW_US = 1_769_600_000_000_000
COLUMNS = [column.name for column in PLAN.columns]


@pytest.fixture(scope="module")
def page() -> bytes:
    """The first page of the list."""
    return pages.served(5000)[0]


class Staging:
    """A connection with the staging table, used from synchronous code."""

    def __init__(self, runner: asyncio.Runner, dsn: str) -> None:
        self._runner = runner
        self._connection = runner.run(asyncpg.connect(dsn))
        runner.run(ddl.migrate(self._connection))

    def clear(self) -> None:
        """Empty it."""
        self._runner.run(copy.clear(self._connection))

    def datasync(self, page: bytes) -> None:
        """Page bytes into the table, our way."""
        chunk = FastLane(PLAN).encode(page, cursor=None, now_us=NOW_US)
        self._runner.run(copy.stage(self._connection, [chunk], COLUMNS))

    def python(self, page: bytes) -> None:
        """Page bytes into the table, the yardstick's way."""
        self._runner.run(
            self._connection.copy_records_to_table("staging_events", records=peers.rows(page), columns=COLUMNS)
        )

    def close(self) -> None:
        """Hang up."""
        self._runner.run(self._connection.close())


@pytest.fixture(scope="module")
def staging(server_dsn: str) -> Iterator[Staging]:
    """An empty staging table."""
    database = Database.create(server_dsn, "bench_encode")
    with asyncio.Runner(loop_factory=loop.factory) as runner:
        staging = Staging(runner, database.dsn)
        yield staging
        staging.close()
    database.drop()


@pytest.mark.benchmark(timer=time.process_time)
def test_page_to_copy(benchmark: BenchmarkFixture, page: bytes, staging: Staging) -> None:
    """Against orjson + datetime + asyncpg's encoder, both including the socket."""
    paired(
        benchmark,
        lambda: staging.datasync(page),
        lambda: staging.python(page),
        name="page to COPY, client CPU: Python / datasync",
        timer=time.process_time,
        rounds=40,
        reset=staging.clear,
    )


def test_page_to_rows(benchmark: BenchmarkFixture, page: bytes) -> None:
    """Encoding alone, against orjson + datetime alone: tuples that still have to be encoded."""
    lane = FastLane(PLAN)
    paired(
        benchmark,
        lambda: lane.encode(page, cursor=None, now_us=NOW_US),
        lambda: peers.rows(page),
        name="page to rows, wall: Python tuples / datasync COPY bytes",
        timer=time.perf_counter,
        rounds=60,
    )
