"""`make soak`: a long run against an API that fails in every way, and `SOAK.md` beside this file.

`datasync ingest` reads the simulated feed in windows into an embedded PostgreSQL. One answer in a hundred is damaged
and one record in a hundred, all kinds alike; tokens are taken away, and cursors live for less than a retry takes. Each
second the memory and the descriptors of the process are looked at, and how many events are stored.

Judged: the run ends in one piece; each event is in the table or in quarantine, once; memory doesn't grow with the
events; descriptors don't become more. An end that comes too early (`early_end`) is left out: it ends a run, as it must.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import psutil

from benches.run import PACKAGES, machine
from datasync.config.schema import SlotSettings
from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from datasync.simulator.chaos import RECORD_KINDS, REQUEST_KINDS
from datasync.testing import EmbeddedPostgres
from tests.support import API_KEY, Database, Run, environment, finish, start

SOAK = Path(__file__).parent / "SOAK.md"

FAULTS = 0.01
"""Of all answers, and of all records."""

REJECTED = ("missing_id", "bad_timestamp", "nul", "surrogate")
"""Damage of records that sends them to quarantine; the others are stored."""

ARGUMENTS = ("--endpoint", "datasync-feed", "--max-rejects", "0.02")
"""Of `datasync ingest`. Two in three of FAULTS are rejects."""

MOST_SLOPE = 5.0
"""MB (10^6 bytes) of memory per million events."""

JUDGED_FROM = 2_000_000
"""Events. On less, the allocator's noise is larger than any slope."""


class Sample(NamedTuple):
    """The process at one moment."""

    events: int
    rss: int
    descriptors: int


class Soaked(NamedTuple):
    """What there is to judge."""

    events: int
    samples: list[Sample]
    run: Run
    seconds: float
    state: dict[str, Any]
    stats: dict[str, Any]
    lost: int


def slope(samples: list[Sample]) -> float:
    """MB per million events, by least squares."""
    xs = [sample.events / 1e6 for sample in samples]
    ys = [sample.rss / 1e6 for sample in samples]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((value - x) ** 2 for value in xs)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread if spread else 0.0


def warm(samples: list[Sample], events: int) -> list[Sample]:
    """Without the first fifth, in which pools and caches fill."""
    return [sample for sample in samples if sample.events >= events / 5]


def failures(soaked: Soaked) -> list[str]:
    """What isn't as it should be."""
    found = []
    if soaked.run.code:
        found.append(f"it ended with {soaked.run.code}: {soaked.run.error}")
    if soaked.lost:
        found.append(f"{soaked.lost:,} events are not where they belong")
    samples = warm(soaked.samples, soaked.events)
    if len(samples) < 3:
        return [*found, "it was over before it could be looked at"]
    if soaked.events >= JUDGED_FROM and (grown := slope(samples)) > MOST_SLOPE:
        found.append(f"memory grows by {grown:.1f} MB per million events")
    counts = [sample.descriptors for sample in samples]
    # Connections come and go with the requests in flight, in a pool and beside it.
    if max(counts) - min(counts) > 2 * SlotSettings().maximum:
        found.append(f"descriptors go from {min(counts)} to {max(counts)}")
    return found


def options(events: int, page: int) -> SimulatorOptions:
    """The API."""
    answers = [kind for kind in REQUEST_KINDS if kind != "early_end"]
    doses = [f"{kind}={FAULTS / len(answers):.6f}" for kind in answers]
    doses += [f"{kind}={FAULTS / len(RECORD_KINDS):.6f}" for kind in RECORD_KINDS]
    return SimulatorOptions(
        count=events,
        api_key=API_KEY,
        page_cap=page,
        rate_limit="none",
        chaos=",".join(doses),
        cursor_ttl=0.3,
        slow_seconds=2.0,
        drop_tokens_every=997,
        prerender="none",
        page_cache_mb=0,
    )


async def watch(process: "subprocess.Popen[str]", dsn: str, every: float) -> list[Sample]:
    """Look at it every so many seconds until it ends."""
    connection = await asyncpg.connect(dsn)
    samples: list[Sample] = []
    try:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            if await connection.fetchval("SELECT to_regclass('cursor_state') IS NOT NULL"):
                query = "SELECT coalesce(sum(events_ingested + quarantined), 0)::bigint FROM cursor_state"
                events = await connection.fetchval(query)
                samples.append(Sample(events, watched.memory_info().rss, watched.num_fds()))
            await asyncio.sleep(every)
    except psutil.NoSuchProcess:
        pass  # it ended meanwhile
    finally:
        await connection.close()
    return samples


async def lost(dsn: str, api: SimulatorProcess) -> int:
    """How many events are neither in the table nor in quarantine, or are where they don't belong.

    Keys are unique in the table. So their number and their sum, as numbers of 128 bits, tell whether they are the right
    ones, without all of them in memory twice.
    """
    damaged = api.stats()["damagedRecords"]
    refused = sum(damaged.get(kind, 0) for kind in REJECTED)
    connection = await asyncpg.connect(dsn)
    try:
        kept = await connection.fetchval("SELECT count(*) FROM quarantined_events")
        count = total = 0
        async with connection.transaction():
            async for row in connection.cursor("SELECT id FROM ingested_events", prefetch=10_000):
                count += 1
                total += int(row[0].replace("-", ""), 16)
        wrong = abs(kept - refused) + abs(api.options.count - refused - count)
        return wrong or int(total != await asyncio.to_thread(_wanted, api.options))
    finally:
        await connection.close()


def _wanted(options: SimulatorOptions) -> int:
    from datasync.simulator.chaos import Chaos, parse_chaos  # noqa: PLC0415

    damaged = Chaos(parse_chaos(options.chaos), options.seed, options.count).damaged
    ids = Dataset(options.seed, options.count).ids()
    return sum(int(id.replace("-", ""), 16) for index, id in enumerate(ids) if damaged.get(index) not in REJECTED)


def soak(database: Database, events: int, page: int, every: float = 1.0) -> Soaked:
    """Run it."""
    with SimulatorProcess(options(events, page)) as api:
        env = environment(database.dsn, api.base_url, DATASYNC_ACCESS_HEADERS='{"X-Dashboard-Access": "demo"}')
        began = time.monotonic()
        process = start(["ingest", *ARGUMENTS], env)
        finished, samples = asyncio.run(_both(process, database.dsn, every))
        seconds = time.monotonic() - began
        state = dict(database.fetch("SELECT * FROM cursor_state")[0])
        return Soaked(events, samples, finished, seconds, state, api.stats(), asyncio.run(lost(database.dsn, api)))


async def _both(process: "subprocess.Popen[str]", dsn: str, every: float) -> tuple[Run, list[Sample]]:
    # Its log is read meanwhile: a full pipe would hold it.
    reading = asyncio.create_task(asyncio.to_thread(finish, process, timeout=24 * 3600))
    samples = await watch(process, dsn, every)
    return await reading, samples


def report(soaked: Soaked) -> str:
    """The document."""
    samples = warm(soaked.samples, soaked.events) or soaked.samples
    done = soaked.run.lines[-1]
    counts = [sample.descriptors for sample in samples]
    bad = failures(soaked)
    grown = f"{slope(samples):.2f}" + ("" if soaked.events >= JUDGED_FROM else " (too few events to judge)")
    chaos = soaked.stats["chaos"]
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(chaos.items()))
    figures = [
        ("verdict", "; ".join(bad) or "passed"),
        ("events", f"{soaked.events:,}"),
        ("seconds", f"{soaked.seconds:,.0f}"),
        ("rows", f"{soaked.state['events_ingested']:,}"),
        ("in quarantine", f"{soaked.state['quarantined']:,}"),
        ("records that came twice", f"{soaked.state['duplicates']:,}"),
        ("events lost, or where they don't belong", f"{soaked.lost:,}"),
        ("answers", f"{soaked.stats['answers']:,}"),
        ("damaged answers", f"{sum(chaos.values()):,} ({kinds})"),
        ("damaged records", f"{sum(soaked.stats['damagedRecords'].values()):,}"),
        ("cursors that expired", f"{done.get('reseeks', 0):,}"),
        ("requests asked again", f"{done.get('retries', 0):,}"),
        ("RSS, MB, least and most after warm-up", _range([sample.rss / 1e6 for sample in samples])),
        (f"RSS slope, MB per million events (at most {MOST_SLOPE:g})", grown),
        ("descriptors, least and most after warm-up", _range(counts)),
        ("samples", f"{len(samples):,}"),
    ]
    return "\n".join(
        [
            "# Soak",
            "",
            "Written by `make soak`. Method: `benches/soak.py` says at its top what runs and what is judged. The slope",
            "is that of a line by least squares through memory over events, without the first fifth of the events.",
            "",
            f"* date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            *machine(*PACKAGES),
            "",
            "| figure | value |",
            "|---|---|",
            *(f"| {what} | {value} |" for what, value in figures),
            "",
        ]
    )


def _range(values: list[Any]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"


def main() -> None:
    """Run it, write the document, and exit 1 when something isn't as it should be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--page", type=int, default=500)
    asked = parser.parse_args()
    with EmbeddedPostgres() as postgres:
        soaked = soak(Database.create(postgres.dsn, "soak"), asked.events, asked.page)
    SOAK.write_text(report(soaked))
    print(SOAK.read_text())
    sys.exit(1 if failures(soaked) else 0)


if __name__ == "__main__":
    main()
