"""A database that is slow: fetching keeps to what the run may hold, and goes on by itself afterwards."""

import threading
import time
from collections.abc import Iterator

import pytest

from datasync.config.schema import BatchSettings
from datasync.simulator import SimulatorProcess
from tests.running import PATIENCE, Running
from tests.support import Database
from tests.truth import Feed, feed, judge, rows
from tests.wire import Action, Message, Once, WireProxy

pytestmark = pytest.mark.usefixtures("workdir")

PAGE = 1000
EVENTS = 150_000
BATCH = BatchSettings()
MOST = (BATCH.waiting + 2) * BATCH.rows // PAGE + 4
"""Pages that a run holds at most: the full box, a batch in each of two writers, and a few on their way."""


@pytest.fixture(scope="module")
def large() -> Iterator[SimulatorProcess]:
    """A feed that is larger than what a run may hold, and comes as fast as it is asked for."""
    with SimulatorProcess(feed(EVENTS, page_cap=PAGE, latency=0)) as process:
        yield process


def settled(api: Feed, run: Running) -> int:
    """The number of answers once no more come."""
    deadline = time.monotonic() + PATIENCE
    seen = -1
    while (now := len(api.served())) != seen:
        assert time.monotonic() < deadline
        assert not run.over, run.stderr
        seen = now
        time.sleep(0.5)
    return seen


@pytest.mark.fault(53)
def test_a_commit_that_takes_long_stops_fetching_at_what_the_box_holds(
    large: SimulatorProcess, database: Database
) -> None:
    api = Feed(large)
    held, released = threading.Event(), threading.Event()

    def hold(_message: Message) -> Action:
        held.set()
        assert released.wait(PATIENCE)
        return None

    first = Once(lambda message: message.is_batch_commit, hold)
    with WireProxy(database.dsn, first) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        run.until(held.is_set, "a commit that is held")
        assert settled(api, run) <= MOST < EVENTS // PAGE
        released.set()
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(44, 53)
def test_a_batch_that_waits_to_be_stored_again_stops_fetching_too(large: SimulatorProcess, database: Database) -> None:
    api = Feed(large)
    with WireProxy(database.dsn) as proxy, Running(proxy.dsn(database.name), api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        proxy.down = True
        proxy.cut()
        asked = settled(api, run)
        assert asked <= rows(database.dsn) // PAGE + MOST < EVENTS // PAGE
        proxy.down = False
        judge(run.end(), database.dsn, api)


@pytest.mark.fault(53)
def test_a_slow_line_to_the_database_only_takes_time(api: Feed, database: Database) -> None:
    with WireProxy(database.dsn) as proxy:
        proxy.rate = 2_000_000
        with Running(proxy.dsn(database.name), api.base_url) as run:
            judge(run.end(), database.dsn, api)
            assert not run.lines("storing again")
