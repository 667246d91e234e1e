"""Cursors that expire at any request, any number of times: whatever the endpoint's way, all is stored, and it ends."""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from datasync.endpoints.base import BodyTells, ByCursor, ByReread, ByWindow, Reseek
from datasync.errors import ContractChanged, CursorExpired
from datasync.http.transport import Answer
from datasync.model import Checkpoint, Chunk, PartitionState, Position, Request
from datasync.pipeline.seek import MAX_RESEEKS, Seek
from datasync.pipeline.timeline import TimeLine
from datasync.stats import RunStats
from tests.engine import Engine, Feed, Record, Store

BY_CURSOR = ByCursor(lambda position, _: f"{position['ts']} {position['id']}")


class Fading(Feed):
    """Takes windows. Refuses those requests with a cursor whose turn in `strikes` says so, and those in `dead` once."""

    def __init__(self, records: Sequence[Record], limit: int, way: Reseek, strikes: Sequence[bool] = ()) -> None:
        super().__init__(records, limit)
        self.reseek = way
        self.strikes = list(strikes)
        self.dead: set[str] = set()
        self.refused = 0

    def check(self, answer: Answer) -> None:
        if answer.body == b"expired":
            raise CursorExpired("for the test")

    def answer(self, request: Request) -> bytes:
        cursor = str(request.params.get("cursor"))
        if cursor in self.dead or ("cursor" in request.params and self.strikes and self.strikes.pop(0)):
            self.dead.discard(cursor)
            self.refused += 1
            return b"expired"
        return super().answer(request)


class Plain(BodyTells):
    """The same without windows."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.name, self.plan, self.auth = feed.name, feed.plan, feed.auth
        self.cursor_ttl, self.reseek = feed.cursor_ttl, feed.reseek

    def request(self, cursor: str | None) -> Request:
        return self._feed.request(cursor)

    def check(self, answer: Answer) -> None:
        self._feed.check(answer)

    def position(self, chunk: Chunk) -> Position | None:
        return self._feed.position(chunk)

    def answer(self, request: Request) -> bytes:
        return self._feed.answer(request)


def records(count: int, together: int = 1) -> list[Record]:
    return [(1000 * (index // together), f"{index:04}") for index in range(count)]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def read(engine: Engine) -> None:
    """To the end, however it ends."""
    while True:
        engine.commit()
        if engine.transport.waiting:
            engine.answer(0)
        elif engine.done and not engine.commit():
            return


@given(
    count=st.integers(0, 40),
    together=st.integers(1, 3),
    limit=st.integers(1, 9),
    way=st.sampled_from([BY_CURSOR, ByWindow(), ByReread()]),
    windows=st.booleans(),
    strikes=st.lists(st.booleans(), max_size=40),
    workers=st.integers(1, 4),
    steps=st.lists(st.tuples(st.sampled_from(["answer", "answer", "commit", "kill"]), st.integers(0, 3)), max_size=60),
)
def test_all_records_are_stored_however_often_cursors_expire_and_runs_are_killed(
    count: int,
    together: int,
    limit: int,
    way: Reseek,
    windows: bool,
    strikes: list[bool],
    workers: int,
    steps: list[tuple[str, int]],
) -> None:
    loop = asyncio.new_event_loop()
    fading = Fading(records(count, together), limit, way, strikes)
    feed, workers = (fading, workers) if windows else (Plain(fading), 1)
    store, runs, kills = Store(), 1, 0
    engine = Engine(loop, feed, store, workers)

    def counts() -> None:
        assert store.served == sum(state.checkpoint.served for state in store.states.values())
        assert store.served >= len(store.rows)

    try:
        for step, which in steps:
            try:
                if step == "kill":
                    engine.kill()
                    kills += 1
                    engine = Engine(loop, feed, store, workers)
                elif step == "commit":
                    engine.commit()
                elif engine.transport.waiting:
                    engine.answer(which % len(engine.transport.waiting))
                _ = engine.done  # raises what ended it
            except ContractChanged:
                engine = Engine(loop, feed, store, workers)
                runs += 1
            counts()
        while True:
            try:
                read(engine)
                break
            except ContractChanged:
                # Whoever starts it again stands for another try; each costs as many expired cursors.
                engine = Engine(loop, feed, store, workers)
                runs += 1
                assert (runs - 1) * MAX_RESEEKS <= fading.refused
        counts()
        assert store.rows == {id for _, id in fading.records}
        assert all(state.checkpoint.complete for state in store.states.values())
        if way == BY_CURSOR and workers == 1 and not kills and runs == 1:
            assert store.served == count, "nothing was read twice"
    finally:
        engine.kill()
        loop.close()


def test_reading_again_is_announced_with_how_much_and_counts_as_served(loop: asyncio.AbstractEventLoop) -> None:
    feed = Fading(records(50), 10, ByReread(), [False, False, True])
    store = Store()
    with capture_logs() as logs:
        read(Engine(loop, Plain(feed), store, 1))
    (said,) = logs
    assert (said["log_level"], said["pages"], said["partition"]) == ("warning", 3, 0)
    assert "reading again" in said["event"]
    assert len(store.rows) == 50
    assert (store.served, store.states[0].checkpoint.pages) == (80, 8)


def test_a_window_ends_at_the_last_position_and_only_its_millisecond_comes_again(
    loop: asyncio.AbstractEventLoop,
) -> None:
    feed = Fading(records(50, together=5), 13, ByWindow(), [True])
    store = Store()
    engine = Engine(loop, feed, store, 1)
    read(engine)
    assert len(store.rows) == 50
    assert store.served == 53, "13 are two moments and three of the third"
    assert engine.stats.reseeks == 1


def test_a_last_page_in_a_window_of_its_own_is_asked_for_again_there(loop: asyncio.AbstractEventLoop) -> None:
    feed = Fading(records(29), 10, ByWindow(), [False, True])
    store = Store()
    read(Engine(loop, feed, store, 1))
    (state,) = store.states.values()
    assert (state.checkpoint.complete, state.checkpoint.cursor) == (True, None)
    # As the sink does where records are missing.
    checkpoint = msgspec.structs.replace(state.checkpoint, complete=False)
    store.states[0] = msgspec.structs.replace(state, checkpoint=checkpoint)
    served = store.served
    read(Engine(loop, feed, store, 1))
    assert store.served - served == 10, "the last page, not all of them"


def test_a_failure_with_a_cursor_that_was_just_built_is_a_failure(loop: asyncio.AbstractEventLoop) -> None:
    feed = Fading(records(30), 10, BY_CURSOR)
    checkpoint = Checkpoint("old", {"ts": 5000, "id": "0005"}, pages=1)
    part = TimeLine([PartitionState(checkpoint=checkpoint)], feed.moment).parts[0]
    stats = RunStats()
    seek = Seek(part, feed, stats, transforms=False)
    assert seek.cursor()[0] == "old"
    assert seek.suspected(None)
    assert seek.cursor()[0] == "5000 0005"
    assert not seek.suspected(None), "however long the answer took"
    assert stats.reseeks == 1


@pytest.mark.parametrize("way", [ByReread(), ByWindow()])
def test_a_chain_that_gets_no_further_ends_the_run_and_says_why(loop: asyncio.AbstractEventLoop, way: Reseek) -> None:
    feed = Fading(records(50, together=50), 10, way, [True] * 100)
    engine = Engine(loop, feed, Store(), 1)
    with pytest.raises(ContractChanged, match="without getting any further") as error:
        read(engine)
    assert "rate limit" in (error.value.hint or "")
    assert feed.refused == MAX_RESEEKS + 1
    # It begins anew with the next run, which may have more luck.
    feed.strikes.clear()
    store = Store()
    read(Engine(loop, feed, store, 1))
    assert len(store.rows) == 50


def test_a_chain_that_gets_further_each_time_goes_on_as_long_as_it_takes(loop: asyncio.AbstractEventLoop) -> None:
    # After n pages the n-th cursor is dead: 0, 1, 2, .. are let through.
    strikes = [strike for let in range(10) for strike in [*[False] * let, True]]
    feed = Fading(records(100), 10, ByReread(), strikes)
    store = Store()
    engine = Engine(loop, Plain(feed), store, 1)
    read(engine)
    assert len(store.rows) == 100
    assert engine.stats.reseeks == 9 > MAX_RESEEKS


def test_a_built_cursor_that_is_refused_again_and_again_ends_the_run(loop: asyncio.AbstractEventLoop) -> None:
    feed = Fading(records(50), 10, BY_CURSOR, [False, *[True] * 100])
    store = Store()
    engine = Engine(loop, feed, store, 1)
    with pytest.raises(ContractChanged, match="can't be built again"):
        read(engine)
    assert feed.refused == MAX_RESEEKS + 1
    assert len(store.rows) == 20, "what came before is stored"


def test_cursors_of_several_windows_may_expire_at_once(loop: asyncio.AbstractEventLoop) -> None:
    feed = Fading(records(400), 10, ByReread())
    store = Store()
    engine = Engine(loop, feed, store, 4)
    while len(store.states) < 4 or len(engine.transport.waiting) < 4 or engine.stats.pages < 16:
        engine.answer(0)
        engine.commit()
    engine.kill()
    open_ones = [state for state in store.states.values() if state.checkpoint.cursor]
    assert len(open_ones) == 4
    # All four are refused, once each, in the run that goes on.
    feed.dead = {str(state.checkpoint.cursor) for state in open_ones}
    engine = Engine(loop, feed, store, 4)
    with capture_logs() as logs:
        read(engine)
    assert sorted(line["partition"] for line in logs) == sorted(state.number for state in open_ones)
    assert len(store.rows) == 400


def test_a_stream_that_was_never_begun_has_no_cursor_to_expire(loop: asyncio.AbstractEventLoop) -> None:
    class Always(Fading):
        def answer(self, request: Request) -> bytes:  # noqa: ARG002
            return b"expired"

    store = Store()
    engine = Engine(loop, Always([], 10, BY_CURSOR), store, 1)
    with pytest.raises(ContractChanged, match="without a cursor"):
        read(engine)
    assert store.states == {0: PartitionState()}
