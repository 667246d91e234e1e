"""Endpoints that take windows of time are read by several workers; a plain chain by one request after the other."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from datasync.simulator.served import Served
from tests.support import API_KEY, Database, Run, environment, finish, ingest
from tests.support import start as start_plain
from tests.windowed import start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


def options(count: int, **more: object) -> SimulatorOptions:
    given = {"rate_limit": "none", "prerender": "none"} | more
    return SimulatorOptions(count=count, api_key=API_KEY, **given)  # type: ignore[arg-type]  # by name


def ingest_windows(database: Database, api: SimulatorProcess, partitions: int) -> Run:
    return finish(start(environment(database.dsn, api.base_url), partitions))


def answers(api: SimulatorProcess, endpoint: str = "feed") -> list[Served]:
    return [answer for answer in api.served() if answer.endpoint == endpoint]


def most_at_once(entries: Sequence[Served]) -> int:
    """Requests that were under way at the same time."""
    steps = sorted([(entry.time, 1) for entry in entries] + [(entry.ended, -1) for entry in entries])
    most = under_way = 0
    for _, step in steps:
        under_way += step
        most = max(most, under_way)
    return most


@pytest.mark.parametrize("partitions", [1, 8])
@pytest.mark.parametrize(("bounds", "total"), [("inclusive", "all"), ("half-open", "window"), ("exclusive", "window")])
def test_every_event_is_stored_right_whatever_the_bounds_and_the_total_mean(
    simulate: Simulate, database: Database, partitions: int, bounds: str, total: str
) -> None:
    api = simulate(options(8000, page_cap=100, crowd="middle", feed_bounds=bounds, feed_total=total))
    run = ingest_windows(database, api, partitions)
    assert run.code == 0, run.stderr
    dataset = Dataset(1, 8000, "middle")
    wanted = {
        (event["id"], event["type"], datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event["timestamp"]))
        for event in map(dataset.event, range(8000))
    }
    rows = database.fetch('SELECT id, event_type, "timestamp" FROM ingested_events')
    assert len(rows) == 8000
    assert {tuple(row) for row in rows} == wanted
    done = run.line("ingestion complete")
    assert done["rows"] + done["duplicates"] == sum(answer.count for answer in answers(api))
    assert (done["splits"] > 0) is (partitions > 1)
    assert database.value("SELECT count(*) FROM stream_partitions") == done["splits"] + 1
    assert done["duplicates"] == 0 or partitions > 1


@pytest.mark.parametrize("crowd", ["middle", "oldest"])
def test_all_workers_ask_at_once_and_hardly_a_page_twice_however_uneven_the_data(
    simulate: Simulate, database: Database, crowd: str
) -> None:
    workers = 5
    api = simulate(options(30_000, page_cap=100, crowd=crowd, latency=0.05))
    run = ingest_windows(database, api, workers)
    assert run.code == 0, run.stderr
    entries = answers(api)
    assert most_at_once(entries) == workers
    assert len(entries) <= 300 * 1.1


def test_a_plain_chain_has_exactly_one_request_under_way(simulate: Simulate, database: Database) -> None:
    api = simulate(options(6000, page_cap=100, latency=0.005))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    entries = answers(api, "events")
    assert len(entries) == 60
    assert most_at_once(entries) == 1
    assert database.value("SELECT count(*) FROM stream_partitions") == 1


def test_a_plain_chain_is_fetched_while_the_database_is_still_writing(simulate: Simulate, database: Database) -> None:
    api = simulate(options(160_000, page_cap=4000, latency=0.25))
    process = start_plain(["ingest"], environment(database.dsn, api.base_url))
    deadline = time.monotonic() + 60
    while database.value("SELECT to_regclass('cursor_state') IS NULL") or not database.value(
        "SELECT count(*) FROM cursor_state WHERE batch > 0"
    ):  # the first batch is in, so nothing looks at the table but who writes
        assert time.monotonic() < deadline
        time.sleep(0.005)

    async def held() -> int:
        connection = await asyncpg.connect(database.dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE ingested_events IN ACCESS EXCLUSIVE MODE")
            stored: int = await connection.fetchval("SELECT count(*) FROM ingested_events")
            # Nothing can be stored now: what is asked for is asked for besides the writing. At least a batch of pages
            # is, and never more than the box (ten pages), two batches being written and the pages in hand.
            while len(api.served()) < stored // 4000 + 12:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            ahead = len(api.served()) - stored // 4000
        await connection.close()
        return ahead

    ahead = asyncio.run(held())
    assert 12 <= ahead <= 24
    run = finish(process)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 160_000


def test_a_signal_waits_for_all_answers_on_their_way_and_the_next_run_goes_on(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(10_000, page_cap=100, latency=0.1))
    process = start(environment(database.dsn, api.base_url), 8)
    deadline = time.monotonic() + 60
    while len(answers(api)) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    run = finish(process)
    assert run.code == 143, run.stderr
    done = run.line("ingestion interrupted")
    # Nothing that was served is missing: every answer on its way was waited for.
    assert done["rows"] + done["duplicates"] == sum(answer.count for answer in answers(api)) < 10_000
    again = ingest_windows(database, api, 3)
    assert again.code == 0, again.stderr
    assert again.line("ingestion complete")["rows"] == 10_000 - done["rows"]
    assert database.value("SELECT count(*) FROM ingested_events") == 10_000


@pytest.mark.parametrize(
    "damage",
    # What is damaged twice at the same page ends the run, so that is done once: which page a request number asks for
    # depends on which window is faster.
    ["502=0.2:6", "reset=0.2:6", "cut_json=0.2:1", "repeat_page=0.2:6", "empty_page=0.2:6", "missing_has_more=0.2:1"],
)
def test_a_damaged_answer_in_a_window_loses_nothing(simulate: Simulate, database: Database, damage: str) -> None:
    api = simulate(options(4000, page_cap=100, crowd="oldest", chaos=damage))
    run = ingest_windows(database, api, 4)
    assert run.code == 0, run.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 4000
    kind = damage.partition("=")[0]
    assert any(kind in (answer.chaos or "") for answer in api.served()), "the damage was done"


@pytest.mark.fault(13)
def test_a_window_that_ends_too_early_is_not_called_complete_and_the_next_run_goes_on(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(6000, page_cap=100, chaos="early_end=0.1:2"))
    run = ingest_windows(database, api, 4)
    assert run.code == 1
    assert run.error["code"] == "contract_changed"
    assert database.value("SELECT count(*) FROM ingested_events") < 6000
    again = ingest_windows(database, api, 4)
    assert again.code == 0, again.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 6000


def test_an_empty_feed_is_complete_with_eight_workers_too(simulate: Simulate, database: Database) -> None:
    run = ingest_windows(database, simulate(options(0)), 8)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 0


def test_an_endpoint_without_windows_is_not_read_in_partitions(simulate: Simulate, database: Database) -> None:
    api = simulate(options(100))
    run = ingest(database.dsn, api.base_url, "--partitions", "8")
    assert (run.code, run.error["code"]) == (2, "config")
    assert "--partitions" in run.error["hint"]
    assert not api.served()
    assert ingest(database.dsn, api.base_url, "--partitions", "1").code == 0


SLOW = """
import time, datasync

@datasync.transform("slow")
def slow(record, seen=[]):
    seen.append(1)
    if len(seen) % 100 == 0:
        time.sleep(0.2)  # each page takes so long to encode
    return record
"""


def test_the_next_page_of_a_plain_chain_is_asked_for_while_one_is_encoded(
    simulate: Simulate, database: Database, tmp_path: Path
) -> None:
    plugin = tmp_path / "slow.py"
    plugin.write_text(SLOW)
    api = simulate(options(1200, page_cap=100, latency=0.4))
    run = ingest(database.dsn, api.base_url, "--plugin", str(plugin), "--transform", "slow")
    assert run.code == 0, run.stderr
    entries = answers(api, "events")
    assert len(entries) == 12  # none was asked for twice, or for nothing
    assert most_at_once(entries) == 1
    # The page before is encoded by then: its successor goes out at once, and not when this one is encoded, too.
    pauses = sorted(following.time - entry.ended for entry, following in pairwise(entries))
    assert pauses[len(pauses) // 2] < 0.15
