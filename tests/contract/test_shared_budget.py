"""Processes that share a budget, in virtual time on a real server, against a judge that logs when requests come in."""

import asyncio
import json
import random
import time
from bisect import bisect_right
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret, Settings
from datasync.errors import ConfigError, SinkUnavailable
from datasync.limits.shared import SharedBudget, shared_budget
from datasync.limits.shared_row import BudgetRow, Call, Turn, key_of
from datasync.limits.shared_stock import Slot
from tests.support import Database
from tests.virtual import VirtualTime, put_clock

WINDOW = 10.0
LIFE = 2.5  # of a lease, with that window

_keys = count()


@pytest.fixture(scope="module")
def clocked(server_dsn: str) -> Iterator[Database]:
    """A database whose clock the tests set."""
    database = Database.create(server_dsn, "datasync_test_shared_budget")
    put_clock(database)
    yield database
    database.drop()


class Weather:
    """How long things take on their way, and what is lost. All by one seed."""

    def __init__(self, seed: int, *, slow: bool = False, faulty: bool = False, idle: bool = False) -> None:
        self.chance = random.Random(seed)
        self._idle = idle
        self._slow = slow
        self._faulty = faulty

    def request(self) -> float:
        """Seconds on the way to the API, or back. What a dead process left on the way takes less than half a lease."""
        most = 1.5 * WINDOW if self._slow and self.chance.random() < 0.1 else 0.4 * LIFE
        return self.chance.uniform(0.001, most if self.chance.random() < 0.3 else 0.1)

    def database(self) -> float:
        """Seconds on the way to the database, or back."""
        return self.chance.uniform(0, 0.3 * LIFE if self.chance.random() < 0.05 else 0.05)

    def fate(self) -> str:
        """What becomes of a call."""
        if not self._faulty or self.chance.random() < 0.7:
            return "done"
        return self.chance.choice(["lost", "unheard", "late"])

    def outage(self) -> float:
        """Seconds for which a process that just lost a call reaches the database no more."""
        return self.chance.uniform(0, 4 * LIFE) if self.chance.random() < 0.3 else 0.0

    def pause(self) -> float:
        """Seconds in which a task has nothing to ask for."""
        return self.chance.uniform(0, WINDOW) if self._idle and self.chance.random() < 0.2 else 0.0


class World:
    """All that goes on, until it ends."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        self._tasks.append(asyncio.get_running_loop().create_task(work))
        return self._tasks[-1]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


class DistantRow:
    """The row behind a network."""

    def __init__(self, row: BudgetRow, time: VirtualTime, weather: Weather, world: World) -> None:
        self._row = row
        self._time = time
        self._weather = weather
        self._world = world
        self._down_until = 0.0

    async def buckets(self) -> dict[str, tuple[int, float]]:
        return await self._time.real(self._row.buckets())

    async def call(self, bucket: str, call: Call) -> Turn:
        fate = self._weather.fate() if self._time.now >= self._down_until else "lost"
        await self._time.sleep(self._weather.database())
        if fate == "late":
            self._world.start(self._late(bucket, call))
        if fate in ("late", "lost"):
            self._down_until = max(self._down_until, self._time.now + self._weather.outage())
            raise SinkUnavailable("lost on the way")
        turn = await self._time.real(self._row.call(bucket, call))
        await self._time.sleep(self._weather.database())
        if fate == "unheard":
            raise SinkUnavailable("lost on the way back")
        return turn

    async def _late(self, bucket: str, call: Call) -> None:
        await self._time.sleep(self._weather.chance.uniform(0, 2 * LIFE))
        with suppress(SinkUnavailable):
            await self._time.real(self._row.call(bucket, call))


class Api:
    """The judge: it only writes down when requests come in, and whose they are."""

    def __init__(self, time: VirtualTime, weather: Weather, world: World) -> None:
        self.came: list[tuple[float, int]] = []
        self._time = time
        self._weather = weather
        self._world = world

    def send(self, who: int) -> "asyncio.Task[None]":
        """Send a request, which goes its way even if the sender dies."""
        return self._world.start(self._serve(who))

    async def _serve(self, who: int) -> None:
        await self._time.sleep(self._weather.request())
        self.came.append((self._time.now, who))
        await self._time.sleep(self._weather.request())

    def most_in_a_window(self) -> int:
        """The largest number of requests that came in within a window."""
        times = [at for at, _ in self.came]
        return max((n - bisect_right(times, at - WINDOW) for n, at in enumerate(times, 1)), default=0)


class Process:
    """A process that sends all it may, with some tasks."""

    def __init__(
        self, who: int, row: DistantRow, time: VirtualTime, weather: Weather, api: Api, max_slots: int
    ) -> None:
        self._who = who
        self._weather = weather
        self._time = time
        self._api = api
        self._max_slots = max_slots
        self.budget = SharedBudget(row, time, time.sleep)

    async def run(self, tasks: int) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.budget.keep())
            for _ in range(tasks):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            turn = await self.budget.take("events", self._max_slots, WINDOW)
            if not isinstance(turn, Slot):
                await self._time.sleep(turn)
                continue
            await asyncio.shield(self._api.send(self._who))
            self.budget.answered(turn)
            if pause := self._weather.pause():
                await self.budget.give_back("events")
                await self._time.sleep(pause)


async def play(
    database: Database, weather: Weather, *, max_slots: int, tasks: list[int], kills: dict[int, float], seconds: float
) -> Api:
    """Run as many processes as there are numbers of tasks for `seconds`, and kill some of them at their moment."""
    time = VirtualTime(database.dsn)
    real = BudgetRow(database.dsn, key_of("test", str(next(_keys))), connect_timeout=5)
    world = World()
    api = Api(time, weather, world)
    try:
        await time.real(real.prepare())
        running = []
        for who, n in enumerate(tasks):
            row = DistantRow(real, time, weather, world)
            running.append(world.start(Process(who, row, time, weather, api, max_slots).run(n)))
        began = time.now
        for who, at in sorted(kills.items(), key=lambda kill: kill[1]):
            await time.run(began + at - time.now)
            running[who].cancel()
        await time.run(began + seconds - time.now)
    finally:
        await world.end()
        real.close()
        await time.close()
    return api


@hypothesis.settings(max_examples=hypothesis.settings().max_examples // 5)
@given(
    seed=st.integers(0, 2**32),
    max_slots=st.integers(1, 24),
    tasks=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    kills=st.dictionaries(st.integers(0, 1), st.floats(0, 2 * WINDOW), max_size=2),
    faulty=st.booleans(),
    slow=st.booleans(),
    idle=st.booleans(),
)
def test_in_no_window_does_the_api_see_more_than_it_allows(
    clocked: Database,
    seed: int,
    max_slots: int,
    tasks: list[int],
    kills: dict[int, float],
    *,
    faulty: bool,
    slow: bool,
    idle: bool,
) -> None:
    # A request may outlive its lease only while its process lives and reaches the database.
    weather = Weather(seed, slow=slow and not faulty and not kills, faulty=faulty, idle=idle)
    playing = play(clocked, weather, max_slots=max_slots, tasks=tasks, kills=kills, seconds=3 * WINDOW)
    api = asyncio.run(playing)
    assert api.came or faulty or kills
    assert api.most_in_a_window() <= max_slots


def test_a_shared_budget_is_used_up_and_shared_out_evenly(clocked: Database) -> None:
    weather = Weather(1)
    weather.request = lambda: 0.05  # type: ignore[method-assign]  # an even network has a ceiling that is known
    api = asyncio.run(play(clocked, weather, max_slots=10, tasks=[3, 3, 3], kills={}, seconds=10 * WINDOW))
    # A slot goes round in a window, twice 0.05 s on the way and at most 0.1 s for the database.
    assert len(api.came) >= 10 * int(10 * WINDOW / (WINDOW + 0.2))
    shares = [sum(1 for _, who in api.came if who == process) for process in range(3)]
    jain = sum(shares) ** 2 / (3 * sum(share**2 for share in shares))
    assert jain >= 0.99, shares
    assert api.most_in_a_window() <= 10


def test_survivors_have_the_whole_budget_within_a_window_after_the_dead_ones_lease(clocked: Database) -> None:
    weather = Weather(2)
    weather.request = lambda: 0.05  # type: ignore[method-assign]  # see above
    killed = 1.5 * WINDOW
    api = asyncio.run(
        play(clocked, weather, max_slots=16, tasks=[4, 4], kills={0: killed}, seconds=killed + LIFE + 2 * WINDOW)
    )
    end = api.came[0][0] + killed + LIFE + 2 * WINDOW
    last_window = [who for at, who in api.came if at > end - WINDOW * 1.02]
    assert last_window == [1] * 16
    assert api.most_in_a_window() <= 16


def test_leaving_gives_everything_back_and_hides_no_error(database: Database) -> None:
    key = Secret("unused", source="test")
    config = Settings(Secret(database.dsn, source="test"), "http://unused", key)

    async def main() -> None:
        async with shared_budget(config, "http://unused", time.monotonic) as budget:
            slots = [await budget.take("events", 16, 60.0) for _ in range(2)]
            assert isinstance(slots[0], Slot)
            budget.answered(slots[0])
            raise ConfigError("of the body")

    with pytest.raises(ConfigError, match="of the body"):
        asyncio.run(main())
    row = database.fetch("SELECT slots, holders::text FROM datasync_budget")[0]
    (holder,) = json.loads(row["holders"])
    # One request was answered, and of one nobody knows yet.
    assert (row["slots"], holder["held"]) == ([1], 1)
