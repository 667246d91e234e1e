"""Windows of time: the whole line has an owner at any moment, whatever the order of answers, cuts and kills."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from datasync.errors import ConfigError, ContractChanged
from datasync.model import Checkpoint, PartitionState, Request, Window
from datasync.pipeline.timeline import TimeLine
from datasync.simulator.dataset import Crowd, Dataset
from tests.driven import Driven, whole
from tests.engine import Bounds, Engine, Feed, Record, Store

# Clusters, ties and gaps: moments that hang together, then a leap.
MOMENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400_000)), max_size=60).map(
    lambda steps: [
        sum(leap for _, leap in steps[: index + 1]) + near for index, (near, _) in enumerate(steps) for _ in range(2)
    ]
)


class Partitions(Driven):
    @initialize(
        moments=MOMENTS,
        limit=st.integers(1, 9),
        bounds=st.sampled_from(["inclusive", "half-open", "exclusive"]),
        total=st.booleans(),
        workers=st.integers(1, 8),
    )
    def begin(self, moments: list[int], limit: int, bounds: Bounds, total: bool, workers: int) -> None:
        records = [(moment, f"{index:03}") for index, moment in enumerate(moments)]
        self.feed = Feed(records, limit, bounds, total=total)
        self.store = Store()
        self.engine = Engine(self.loop, self.feed, self.store, workers)

    @rule(workers=st.integers(1, 8))
    def kill_and_restart(self, workers: int) -> None:
        self.engine.kill()
        self.engine = Engine(self.loop, self.feed, self.store, workers)

    @invariant()
    def every_moment_has_exactly_one_owner(self) -> None:
        for windows in self.windows():
            assert whole([(window.since, window.until) for window in windows])

    @invariant()
    def a_checkpoint_never_passes_a_record_that_is_not_stored(self) -> None:
        for state in self.store.states.values():
            window, position = state.window, state.checkpoint.position
            since = 0 if window.since is None else window.since
            until = 10**18 if window.until is None else window.until
            for moment, id in self.feed.records:
                read = state.checkpoint.complete or (
                    position is not None and (moment, id) >= (int(position["ts"]), str(position["id"]))
                )
                if read and since <= moment < until:
                    assert id in self.store.rows

    @invariant()
    def records_are_counted_by_partition(self) -> None:
        assert self.store.served == sum(state.checkpoint.served for state in self.store.states.values())

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.finish()
            assert self.store.rows == {id for _, id in self.feed.records}
            assert all(state.checkpoint.complete for state in self.store.states.values())
            self.every_moment_has_exactly_one_owner()
        self.loop.close()


TestPartitions = Partitions.TestCase


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def crowded(crowd: Crowd, count: int) -> list[Record]:
    dataset = Dataset(1, count, crowd)
    return list(zip(dataset.timestamps(0, count), dataset.ids(), strict=True))


def rounds(engine: Engine) -> list[int]:
    """Read everything, every request taking as long as any other; give how many were under way, round by round."""
    counts = []
    while not engine.done or engine.commit():
        if under_way := len(engine.transport.waiting):
            counts.append(under_way)
        for _ in range(under_way):
            if not engine.done:  # an error ends them all
                engine.answer(0)
        while engine.commit():
            pass
    return counts


@pytest.mark.parametrize("crowd", ["none", "newest", "middle", "oldest"])
@pytest.mark.parametrize(("workers", "total"), [(5, True), (8, False)])
def test_all_workers_are_busy_until_the_last_pages_however_uneven_the_data(
    loop: asyncio.AbstractEventLoop, crowd: Crowd, workers: int, total: bool
) -> None:
    pages, limit = 400, 50
    feed, store = Feed(crowded(crowd, pages * limit), limit, total=total), Store()
    engine = Engine(loop, feed, store, workers)
    busy = rounds(engine)
    assert len(store.rows) == pages * limit
    # The API's total tells how far the oldest window may reach; without it that takes a few rounds to find out.
    assert sum(count == workers for count in busy) / len(busy) >= (0.9 if total else 0.8), busy
    assert sum(busy) <= pages * 1.07
    assert len(busy) <= pages / workers * (1.15 if total else 1.2)
    assert max(busy) == workers


def test_one_worker_shares_nothing_and_reads_each_page_once(loop: asyncio.AbstractEventLoop) -> None:
    feed, store = Feed(crowded("middle", 1000), 50), Store()
    engine = Engine(loop, feed, store, 1)
    assert rounds(engine) == [1] * 20
    assert (engine.stats.splits, list(store.states)) == (0, [0])


def test_an_estimate_that_is_far_too_long_costs_no_more_than_a_request_for_each_worker(
    loop: asyncio.AbstractEventLoop,
) -> None:
    # Newest first: two records a year apart, then everything else within a minute.
    records = [(10**12, "newest"), (10**12 - 31_536_000_000, "next")]
    records += [(10**12 - 31_536_000_000 - index * 30, f"{index:04}") for index in range(1, 2000)]
    feed, store = Feed(records, 2), Store()
    engine = Engine(loop, feed, store, 8)
    asked = sum(rounds(engine))
    assert len(store.rows) == len(records)
    assert asked <= 1001 * 1.25


@pytest.mark.fault(17)
@pytest.mark.parametrize("bounds", ["inclusive", "half-open", "exclusive"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_records_exactly_on_a_cut_are_stored_whatever_the_bounds(
    loop: asyncio.AbstractEventLoop, bounds: Bounds, limit: int
) -> None:
    records = [(moment, f"{moment}-{twin}") for moment in (48, 49, 50, 51) for twin in range(4)]
    store = Store()
    store.states = {0: PartitionState(0, Window(50, None)), 1: PartitionState(1, Window(None, 50))}
    rounds(Engine(loop, Feed(records, limit, bounds), store, 2))
    assert store.rows == {id for _, id in records}


def test_the_first_cut_is_even_and_its_reader_asks_no_further(loop: asyncio.AbstractEventLoop) -> None:
    feed, store = Feed(crowded("none", 20_000), 50), Store()
    engine = Engine(loop, feed, store, 5)
    engine.answer(0)
    engine.commit()
    windows = sorted((part.window for part in engine.line.parts), key=lambda window: window.until or 10**18)
    assert len(windows) == 5
    widths = [window.until - window.since for window in windows if window.until and window.since]
    assert max(widths) - min(widths) <= 1
    oldest, newest = feed.records[-1][0], feed.records[0][0]
    assert widths[0] == pytest.approx((newest - oldest) / 5, rel=0.05)
    wanted = {(window.since and window.since - 1, window.until) for window in windows}
    # The first reader's next request was out before the cut; the one after it keeps to its window.
    engine.answer(0)
    assert {(asked.params.get("since"), asked.params.get("until")) for asked in engine.transport.asked[2:]} == wanted
    engine.kill()


def test_a_chain_stops_below_its_window_where_the_api_takes_no_lower_bound(loop: asyncio.AbstractEventLoop) -> None:
    class Bottomless(Feed):
        def answer(self, request: Request) -> bytes:
            kept = {name: value for name, value in request.params.items() if name != "since"}
            return super().answer(Request(request.path, kept))

    feed, store = Bottomless(crowded("none", 10_000), 50), Store()
    asked = sum(rounds(Engine(loop, feed, store, 5)))
    assert len(store.rows) == 10_000
    assert asked <= 200 * 1.1


@pytest.mark.fault(30)
def test_an_api_that_takes_no_windows_is_noticed(loop: asyncio.AbstractEventLoop) -> None:
    class Plain(Feed):
        def answer(self, request: Request) -> bytes:
            cursor = {name: value for name, value in request.params.items() if name == "cursor"}
            return super().answer(Request(request.path, cursor))

    engine = Engine(loop, Plain(crowded("none", 1000), 50), Store(), 3)
    with pytest.raises(ContractChanged, match="until") as error:
        rounds(engine)
    assert "--partitions 1" in (error.value.hint or "")


@pytest.mark.fault(67)
@pytest.mark.parametrize(
    "windows",
    [
        [Window(None, 5), Window(6, None)],
        [Window(None, 6), Window(5, None)],
        [Window(0, None)],
        [Window(None, 0)],
        [Window(), Window()],
        [],
    ],
)
def test_stored_windows_with_a_gap_or_an_overlap_are_refused(windows: list[Window]) -> None:
    states = [PartitionState(number, window, Checkpoint()) for number, window in enumerate(windows)]
    with pytest.raises(ConfigError, match="not the whole line"):
        TimeLine(states, None)
