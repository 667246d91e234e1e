"""Children of many parents, side by side: each is stored once, whatever the order of answers, cuts and kills."""

import asyncio

import httpx
import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from datasync.config.spec import Parent
from datasync.endpoints.base import BodyTells, ByReread, Reseek
from datasync.endpoints.children import Children
from datasync.errors import ConfigError, ContractChanged
from datasync.http.transport import Answer
from datasync.model import Chunk, EncoderPlan, PartitionState, Position, Request, Window
from datasync.pipeline.valueline import ValueLine
from tests.driven import Driven, whole
from tests.engine import Engine, Store

NAMES = st.text("abc", min_size=1, max_size=3)
FAMILIES = st.dictionaries(NAMES, st.integers(0, 5), min_size=1, max_size=25)
"""So many children of each parent."""

LIMIT = 2


class Kids(BodyTells):
    """The children of one parent."""

    name = "kids"
    plan = EncoderPlan(records="page", next_cursor="cursor", has_more="more", columns=())
    cursor_ttl = None
    auth = httpx.Auth()
    reseek: Reseek = ByReread()

    def request(self, cursor: str | None) -> Request:
        return Request("/{id}", {} if cursor is None else {"cursor": cursor})

    def check(self, answer: Answer) -> None:
        if answer.status != 200:
            raise ContractChanged(str(answer.status), hint="look")

    def position(self, _chunk: Chunk) -> Position | None:
        return None


class Family(Children):
    """All parents with their children, and the API that serves them.

    Attributes:
        served: parents whose children were asked for, in order.
    """

    def __init__(self, counts: dict[str, int]) -> None:
        super().__init__(Kids, Parent(endpoint="parents"), sorted(counts), base_url="http://api")
        self._counts = counts
        self.served: list[str] = []

    def answer(self, request: Request) -> bytes:
        assert request.url is not None
        parent = httpx.URL(request.url).path[1:]
        self.served.append(parent)
        start, count = int(request.params.get("cursor", 0)), self._counts[parent]
        stop = min(start + LIMIT, count)
        page = [(number, f"{parent}:{number}") for number in range(start, stop)]
        more = stop < count
        return msgspec.json.encode({"page": page, "cursor": str(stop) if more else None, "more": more, "total": count})


class Values(Driven):
    @initialize(counts=FAMILIES, workers=st.integers(1, 8))
    def begin(self, counts: dict[str, int], workers: int) -> None:
        self.counts = counts
        self.lasting = set(counts)
        self.store = Store()
        self.engine = Engine(self.loop, Family(counts), self.store, workers)

    @rule(workers=st.integers(1, 8), born=st.dictionaries(NAMES, st.integers(0, 5), max_size=2), dies=st.integers(0, 9))
    def kill_and_restart(self, workers: int, born: dict[str, int], dies: int) -> None:
        self.engine.kill()
        self.counts = born | self.counts
        if dies < 3 < len(self.counts):
            gone = sorted(self.counts)[dies]
            self.counts = {parent: count for parent, count in self.counts.items() if parent != gone}
            self.lasting.discard(gone)
        self.engine = Engine(self.loop, Family(self.counts), self.store, workers)

    @invariant()
    def every_value_has_exactly_one_owner(self) -> None:
        for windows in self.windows():
            assert whole([(window.since_value, window.until_value) for window in windows])

    @invariant()
    def no_child_is_stored_twice(self) -> None:
        assert self.store.served == len(self.store.rows)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.finish()
            wanted = {f"{parent}:{number}" for parent in self.lasting for number in range(self.counts[parent])}
            assert self.store.rows >= wanted
            assert all(state.checkpoint.complete for state in self.store.states.values())
            self.every_value_has_exactly_one_owner()
            self.no_child_is_stored_twice()
        self.loop.close()


TestValues = Values.TestCase


def test_as_many_parents_are_read_at_a_time_as_there_are_workers() -> None:
    loop = asyncio.new_event_loop()
    family = Family({f"p{number:03}": 1 for number in range(100)})
    engine = Engine(loop, family, Store(), workers=8)
    rounds = 0
    while not engine.done or engine.commit():
        rounds += 1
        for _ in range(len(engine.transport.waiting)):
            if engine.transport.waiting:
                engine.answer(0)
        while engine.commit():
            pass
    loop.close()
    # One alone at first. Later on each cut may cost one that was asked for ahead and given away since.
    assert rounds <= 1 + 100 / 8 + 4
    assert len(family.served) <= 100 + 8
    assert set(family.served) == set(family.values)


def test_parents_without_children_are_no_circle() -> None:
    loop = asyncio.new_event_loop()
    store = Store()
    engine = Engine(loop, Family(dict.fromkeys("abcdefghij", 0) | {"z": 1}), store, workers=1)
    while not engine.done or engine.commit():
        if engine.transport.waiting:
            engine.answer(0)
        engine.commit()
    loop.close()
    assert store.rows == {"z:0"}


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [Window(until_value="b")],
        [Window(until_value="b"), Window(since_value="c")],
        [Window(until_value="b"), Window(since_value="b", until_value="d")],
        [Window(), Window()],
        [Window(until=5), Window(since=5)],
    ],
)
def test_windows_that_are_not_the_whole_line_are_refused(windows: list[Window]) -> None:
    states = [PartitionState(number, window) for number, window in enumerate(windows)]
    with pytest.raises(ConfigError, match="whole line of the parents' values"):
        ValueLine(states, Family({"a": 1}))
