"""(c) Rows into an embedded PostgreSQL by our sink, with no API: what each way of writing is worth.

Rows are encoded beforehand. Each run begins with an empty database, and connecting and making the tables count. The
naive way is the seed read literally, in Python: json, tuples, `copy_records_to_table` into an UNLOGGED table, INSERT ..
ON CONFLICT, TRUNCATE and the cursor, each committed by itself, 5,000 rows at a time. It runs twice: on a server as
PostgreSQL sets it up, which is how whoever reads the seed would have it, and on the one that ours runs on.
"""

import asyncio
import json
import time
from collections.abc import Iterator

import asyncpg
import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import pages, peers
from benches.pairs import paired
from benches.writing import Target, settings, store
from datasync import loop
from datasync.config.schema import BatchSettings, WriteSettings
from datasync.model import Chunk
from datasync.pipeline.lanes import FastLane
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.habit import Habit
from datasync.sinks.postgres.link import Link
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.rows import Rows, sort
from datasync.testing import EmbeddedPostgres
from tests.events import PLAN

EVENTS = 200_000
MANY = 1_000_000
NOW_US = 1_769_600_000_000_000
STAGED = WriteSettings(direct=False)
COLUMNS = [column.name for column in PLAN.columns]
NAMES = ", ".join(f'"{name}"' for name in COLUMNS)

# Those of our embedded server that differ, as PostgreSQL 18 has them.
PLAIN = {
    "shared_buffers": "128MB",
    "wal_buffers": "-1",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "jit": "on",
}

SEED = """
CREATE TABLE ingested_events (id TEXT PRIMARY KEY, event_type TEXT, "timestamp" TIMESTAMPTZ, data JSONB NOT NULL,
    ingested_at TIMESTAMPTZ DEFAULT now());
CREATE UNLOGGED TABLE staging_events (id TEXT, event_type TEXT, "timestamp" TIMESTAMPTZ, data JSONB NOT NULL);
CREATE TABLE cursor_state (id SERIAL PRIMARY KEY, cursor_value TEXT NOT NULL, events_ingested BIGINT NOT NULL DEFAULT 0,
    updated_at TIMESTAMPTZ DEFAULT now());
"""

TABLE = """
CREATE TABLE bare (id TEXT COLLATE "C" PRIMARY KEY, event_type TEXT, "timestamp" TIMESTAMPTZ, data JSONB NOT NULL,
    ingested_at TIMESTAMPTZ DEFAULT now())
"""


@pytest.fixture
def target(server_dsn: str) -> Iterator[Target]:
    """An empty database."""
    target = Target(server_dsn)
    yield target
    target.database.drop()


@pytest.fixture
def plain() -> Iterator[Target]:
    """An empty database on a server with PostgreSQL's own settings."""
    with EmbeddedPostgres(settings=PLAIN) as server:
        yield Target(server.dsn)


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """All events, as pages."""
    return pages.served(EVENTS)


@pytest.fixture(scope="module")
def chunks(bodies: list[bytes]) -> list[Chunk]:
    """All events, encoded."""
    return encoded(bodies)


@pytest.fixture(scope="module")
def batches(chunks: list[Chunk]) -> list[Rows]:
    """All events, as batches of the usual size, sorted."""
    found: list[list[Chunk]] = []
    room = 0
    for chunk in chunks:
        if room < chunk.row_count:
            found.append([])
            room = BatchSettings().rows
        found[-1].append(chunk)
        room -= chunk.row_count
    return [sort(batch, PLAN.columns) for batch in found]


def encoded(bodies: list[bytes]) -> list[Chunk]:
    """As a run has them."""
    lane = FastLane(msgspec.structs.replace(PLAN, jsonb_order=True))
    return [lane.encode(body, cursor=None, now_us=NOW_US) for body in bodies]


def bare(batches: list[Rows], dsn: str) -> None:
    """COPY by two connections into a table with a key, and no more: no order of commits, no checkpoint, no counts."""

    async def write(connection: Connection, rest: Iterator[Rows]) -> None:
        await connection.execute("SET synchronous_commit = off")
        for rows in rest:
            await rows.copy(connection, TableName("bare"), COLUMNS, 0, len(rows))

    async def main() -> None:
        links = [Link(settings(dsn, "http://unused", WriteSettings())) for _ in range(2)]
        for link in links:
            await link.open()
        await links[0].connection.execute(TABLE)
        rest = iter(batches)
        await asyncio.gather(*[write(link.connection, rest) for link in links])
        await links[0].connection.execute("SET synchronous_commit = on; COMMENT ON TABLE bare IS 'all is on the disk'")
        await asyncio.gather(*[link.close() for link in links])

    loop.run(main())


def naive(bodies: list[bytes], dsn: str) -> None:
    """The straightforward program."""

    async def main() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(SEED)
        for number, body in enumerate(bodies):
            records = [
                (event["id"], event.get("type"), peers.moment(event.get("timestamp")), json.dumps(event))
                for event in json.loads(body)["data"]
            ]
            await connection.copy_records_to_table("staging_events", records=records, columns=COLUMNS)
            await connection.execute(
                f"INSERT INTO ingested_events ({NAMES}) SELECT {NAMES} FROM staging_events ON CONFLICT (id) DO NOTHING"
            )
            await connection.execute("TRUNCATE staging_events")
            await connection.execute("INSERT INTO cursor_state (cursor_value) VALUES ($1)", str(number))
        await connection.close()

    loop.run(main())


@pytest.mark.parametrize("server", ["plain", "same"])
def test_staged_against_the_naive_way(
    benchmark: BenchmarkFixture, bodies: list[bytes], chunks: list[Chunk], target: Target, plain: Target, server: str
) -> None:
    """The staged bound."""
    theirs = plain if server == "plain" else target

    def reset() -> None:
        target.renew()
        plain.renew()

    paired(
        benchmark,
        lambda: store(chunks, target.database.dsn, STAGED),
        lambda: naive(bodies, theirs.database.dsn),
        name=f"staged bound: naive Python, {server} server / datasync's sink",
        timer=time.perf_counter,
        rounds=5,
        reset=reset,
    )
    _rates(benchmark, "staged, rows encoded beforehand", f"the naive way, {server} server")


@pytest.mark.parametrize("statement", ["as it comes", "ON CONFLICT in each batch"])
def test_direct_against_staged(
    benchmark: BenchmarkFixture,
    chunks: list[Chunk],
    target: Target,
    statement: str,
) -> None:
    """A first load into an empty table, where staging may leave ON CONFLICT out after the first batch, or may not."""

    def staged() -> None:
        with pytest.MonkeyPatch.context() as patch:
            if statement != "as it comes":
                patch.setattr(Habit, "plain", False)
            store(chunks, target.database.dsn, STAGED)

    paired(
        benchmark,
        lambda: store(chunks, target.database.dsn, WriteSettings()),
        staged,
        name=f"first load: staged, {statement} / direct",
        timer=time.perf_counter,
        rounds=15,
        reset=target.renew,
    )
    _rates(benchmark, "direct, rows encoded beforehand", f"staged, {statement}, beside it")


def test_direct_against_staged_for_long(benchmark: BenchmarkFixture, target: Target) -> None:
    """The same with so many rows that tables and connections, which both lanes make alike, don't count."""
    chunks = encoded(pages.served(MANY))
    paired(
        benchmark,
        lambda: store(chunks, target.database.dsn, WriteSettings()),
        lambda: store(chunks, target.database.dsn, STAGED),
        name=f"first load of {MANY:,} rows: staged, as it comes / direct",
        timer=time.perf_counter,
        rounds=5,
        reset=target.renew,
    )
    _rates(benchmark, f"direct, {MANY:,} rows encoded beforehand", "staged, as it comes, beside it", rows=MANY)


@pytest.mark.parametrize("lane", ["direct", "staged, as it comes"])
def test_lanes_against_bare_copy(
    benchmark: BenchmarkFixture, chunks: list[Chunk], batches: list[Rows], target: Target, lane: str
) -> None:
    """What PostgreSQL takes when nothing is asked of it but the rows: the bound of the direct lane."""
    paired(
        benchmark,
        lambda: store(chunks, target.database.dsn, WriteSettings() if lane == "direct" else STAGED),
        lambda: bare(batches, target.database.dsn),
        name=f"first load: bare COPY by two connections / {lane} (1 is the bound)",
        timer=time.perf_counter,
        rounds=15,
        reset=target.renew,
    )
    _rates(benchmark, f"{lane}, rows encoded beforehand", "bare COPY by two connections, rows sorted beforehand")


def test_all_duplicates_against_the_first_load(
    benchmark: BenchmarkFixture, chunks: list[Chunk], target: Target
) -> None:
    """The same rows once more, the database as it is then."""

    def again() -> None:
        done = store(chunks, target.database.dsn, WriteSettings(), restart=True)
        assert sum(one.duplicates for one in done) == EVENTS

    peer: list[float] = []

    def first() -> None:
        target.renew()
        began = time.perf_counter()
        store(chunks, target.database.dsn, WriteSettings())
        peer.append(time.perf_counter() - began)

    benchmark.pedantic(again, setup=first, rounds=5)  # type: ignore[no-untyped-call]  # the library has no type here
    assert benchmark.stats is not None
    ours = sorted(benchmark.stats.stats.data)[2]
    theirs = sorted(peer)[2]
    benchmark.extra_info |= {
        "ratio_name": "the same rows again: first load (direct) / all duplicates",
        "ratio": theirs / ours,
        "ours_median": ours,
        "theirs_median": theirs,
    }
    _rates(benchmark, "all duplicates", "their first load")


def _rates(benchmark: BenchmarkFixture, ours: str, theirs: str, *, rows: int = EVENTS) -> None:
    info = benchmark.extra_info
    info["figures"] = [
        (f"{ours}", f"{rows / info['ours_median']:,.0f} rows/s"),
        (f"{theirs}", f"{rows / info['theirs_median']:,.0f} rows/s"),
    ]
