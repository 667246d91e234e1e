"""(a) One page of 5,000 events (1.73 MB) from bytes to COPY BINARY, its rows in the order of their keys.

Against orjson, datetime and asyncpg's own encoder, as a careful engineer would use them (`peers.py`). The timer is this
process's CPU time. In the first bench neither side sends anything: `voidwire.py` says how. In the second both go all
the way into a real server's staging table, so that handing the bytes to the socket counts on both sides.
"""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import pages, peers, voidwire
from benches.pairs import paired
from datasync import loop
from datasync._native import SortedRows
from datasync.pipeline.lanes import FastLane
from datasync.sinks.postgres import ddl
from datasync.sinks.postgres.staging import FIRST, clear
from tests.events import PLAN
from tests.staged import stage
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
        self._connection = runner.run(asyncpg.connect(dsn, ssl=False))
        runner.run(ddl.migrate(self._connection))

    def clear(self) -> None:
        """Empty it."""
        self._runner.run(clear(self._connection, FIRST))

    def datasync(self, page: bytes) -> None:
        """Page bytes into the table, our way."""
        chunk = FastLane(PLAN).encode(page, cursor=None, now_us=NOW_US)
        self._runner.run(stage(self._connection, [chunk], PLAN.columns))

    def python(self, page: bytes) -> None:
        """Page bytes into the table, the yardstick's way."""
        self._runner.run(
            self._connection.copy_records_to_table("staging_events", records=peers.rows(page), columns=COLUMNS)
        )

    def close(self) -> None:
        """Hang up."""
        self._runner.run(self._connection.close())


@pytest.fixture(scope="module")
def database(server_dsn: str) -> Iterator[Database]:
    """A database for this file."""
    database = Database.create(server_dsn, "bench_encode")
    yield database
    database.drop()


@pytest.fixture
def staging(database: Database) -> Iterator[Staging]:
    """An empty staging table."""
    with asyncio.Runner(loop_factory=loop.factory) as runner:
        staging = Staging(runner, database.dsn)
        yield staging
        staging.close()


@pytest.fixture
def void(database: Database) -> Iterator[Staging]:
    """A staging table that no row reaches."""
    with asyncio.Runner(loop_factory=voidwire.Loop) as runner:
        staging = Staging(runner, database.dsn)
        yield staging
        staging.close()


@pytest.mark.benchmark(timer=time.process_time)
def test_page_to_copy_buffer(benchmark: BenchmarkFixture, page: bytes, void: Staging) -> None:
    """Nothing is sent. Ours sorts the rows by key, theirs doesn't."""
    lane = FastLane(PLAN)

    def ours() -> None:
        chunk = lane.encode(page, cursor=None, now_us=NOW_US)
        assert chunk.copy is not None
        SortedRows([chunk.copy]).tuples()

    paired(
        benchmark,
        ours,
        lambda: void.python(page),
        name="page to COPY buffer, CPU: orjson + datetime + asyncpg / datasync",
        timer=time.process_time,
        rounds=60,
    )


@pytest.mark.benchmark(timer=time.process_time)
def test_page_into_staging(benchmark: BenchmarkFixture, page: bytes, staging: Staging) -> None:
    """Both including the socket."""
    paired(
        benchmark,
        lambda: staging.datasync(page),
        lambda: staging.python(page),
        name="page into staging, client CPU: orjson + datetime + asyncpg / datasync",
        timer=time.process_time,
        rounds=40,
        reset=staging.clear,
    )
