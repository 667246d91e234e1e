import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import HttpSettings
from datasync.errors import RetriableSourceError, ServerError
from datasync.http.budget import EARNED, RESERVE, UNPAID_EVERY, RetryBudget
from datasync.http.retry import retrying
from datasync.simulator.virtual.loop import run
from tests.support import Clock


def ask(budget: RetryBudget, clock: Clock, *, cap: float = 0.0, patience: float = 1e9) -> float:
    """Take a turn for a request that failed just now; give the seconds it took."""
    start = clock.now
    turn = budget.turn(clock.sleep, failed_at=start, cap=cap, patience=patience)
    assert asyncio.run(turn)
    return clock.now - start


def test_the_reserve_lets_ten_retries_go_at_once_and_then_one_in_thirty_seconds() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    assert [ask(budget, clock) for _ in range(10)] == [0.0] * 10
    assert [ask(budget, clock) for _ in range(4)] == [UNPAID_EVERY] * 4


def test_an_empty_budget_lets_nothing_go_before_the_cap_has_passed() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(10):
        ask(budget, clock)
    assert ask(budget, clock, cap=60.0) == 60.0


def test_ten_successes_pay_for_one_retry() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(11):
        ask(budget, clock)
    for _ in range(10):
        budget.succeeded()
    assert ask(budget, clock, cap=60.0) == 0.0
    assert ask(budget, clock, cap=60.0) == 60.0


def test_a_long_healthy_run_saves_up_no_storm() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(100_000):
        budget.succeeded()
    assert [ask(budget, clock, cap=60.0) for _ in range(11)] == [0.0] * 10 + [60.0]


def test_the_first_to_wait_is_the_first_to_go() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        budget = RetryBudget(loop.time)
        gone: list[int] = []

        async def one(number: int) -> None:
            await asyncio.sleep(number * 0.37)
            assert await budget.turn(asyncio.sleep, failed_at=loop.time(), cap=60.0, patience=1e6)
            gone.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(one(number))
        return gone

    assert run(main()) == list(range(30))


def test_one_who_stops_waiting_leaves_the_line_to_the_others() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(10):
        ask(budget, clock)

    async def interrupted(_seconds: float) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(budget.turn(interrupted, failed_at=clock.now, cap=60.0, patience=900.0))
    assert ask(budget, clock, cap=60.0) == 60.0


def test_a_success_of_another_request_releases_one_that_waits() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(10):
        ask(budget, clock)
    start = clock.now

    async def meanwhile(seconds: float) -> None:
        await clock.sleep(seconds)
        budget.succeeded()

    assert asyncio.run(budget.turn(meanwhile, failed_at=start, cap=60.0, patience=900.0))
    assert clock.now - start == 10.0


def test_patience_ends_the_waiting_unless_the_api_answers_others() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(10):
        ask(budget, clock)
    start = clock.now
    turn = budget.turn(clock.sleep, failed_at=start, cap=60.0, patience=20.0)
    assert not asyncio.run(turn)
    assert clock.now - start == 20.0
    start = clock.now
    budget.succeeded()
    turn = budget.turn(clock.sleep, failed_at=start - 100.0, cap=1e9, patience=20.0)
    assert not asyncio.run(turn)
    assert clock.now - start == 20.0


@given(steps=st.lists(st.tuples(st.booleans(), st.floats(0.0, 40.0)), max_size=300))
def test_retries_never_exceed_the_reserve_a_tenth_of_the_successes_and_one_in_thirty_seconds(
    steps: list[tuple[bool, float]],
) -> None:
    clock = Clock()
    start = clock.now
    budget = RetryBudget(clock)
    successes = retries = 0
    for success, pause in steps:
        clock.now += pause
        if success:
            budget.succeeded()
            successes += 1
        else:
            ask(budget, clock)
            retries += 1
        unpaid = (clock.now - start) / UNPAID_EVERY + 1
        assert retries <= RESERVE + EARNED * successes + unpaid + 1e-6


class Played:
    """An API that fails as told, and chains of pages that read it to their ends through one budget, in virtual time.

    Attributes:
        attempts: when each request was sent.
        accepted: when each page came.
    """

    def __init__(
        self,
        fails: Callable[[float], bool],
        *,
        chains: int,
        pages: int,
        latency: float,
        spacing: float = 0.0,
        retry_for: float = 900.0,
        seed: int = 0,
    ) -> None:
        """Take `spacing`, seconds between two requests as a rate limit would hold them apart."""
        self.attempts: list[float] = []
        self.accepted: list[float] = []
        self.ended: list[RetriableSourceError] = []
        self._fails = fails
        self._latency = latency
        self._spacing = spacing
        self._next = 0.0
        self._limits = HttpSettings(retry_for=retry_for)
        run(self._play(chains, pages, seed))

    async def _play(self, chains: int, pages: int, seed: int) -> None:
        loop = asyncio.get_running_loop()
        budget = RetryBudget(loop.time)
        async with asyncio.TaskGroup() as group:
            for number in range(chains):
                group.create_task(self._chain(budget, pages // chains, random.Random(f"{seed}/{number}")))

    async def _chain(self, budget: RetryBudget, pages: int, chance: random.Random) -> None:
        clock = asyncio.get_running_loop().time
        for _ in range(pages):
            try:
                await retrying(
                    self._ask,
                    limits=self._limits,
                    budget=budget,
                    wait=asyncio.sleep,
                    failed=lambda _error: None,
                    clock=clock,
                    chance=chance,
                )
            except RetriableSourceError as error:
                self.ended.append(error)
                return

    async def _ask(self) -> None:
        clock = asyncio.get_running_loop().time
        self._next = max(self._next + self._spacing, clock())
        await asyncio.sleep(self._next - clock())
        self.attempts.append(clock())
        await asyncio.sleep(self._latency)
        if self._fails(clock()):
            raise ServerError("503")
        self.accepted.append(clock())

    @property
    def amplification(self) -> float:
        return len(self.attempts) / len(self.accepted)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("chains", "latency", "spacing", "pages"),
    [(1, 3.5, 6.0, 600), (8, 3.5, 6.0, 600), (1, 0.3, 0.0, 3000), (8, 0.3, 0.0, 3000)],
)
def test_five_minutes_of_thirty_percent_errors_cost_no_more_than_a_tenth_of_the_run(
    chains: int, latency: float, spacing: float, pages: int, seed: int
) -> None:
    chance = random.Random(seed)
    played = Played(
        lambda now: now < 300 and chance.random() < 0.3, chains=chains, pages=pages, latency=latency, spacing=spacing
    )
    assert not played.ended
    assert len(played.accepted) == pages
    assert played.amplification <= 1.10
    # Healthy again, full speed is back within a window of the limit, or of the pace of a single chain without one.
    after = [moment for moment in played.accepted if 360 <= moment < 420]
    assert len(after) >= 0.95 * 60 / max(spacing, latency)


@pytest.mark.fault(2)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chains", [1, 2, 8])
def test_an_outage_of_ten_minutes_is_asked_no_more_than_once_in_thirty_seconds_and_survived(
    chains: int, seed: int
) -> None:
    played = Played(lambda now: 60 <= now < 660, chains=chains, pages=1600, latency=0.5, seed=seed)
    assert not played.ended
    assert len(played.accepted) == 1600
    during = [moment for moment in played.attempts if 60 <= moment + 0.5 < 660]
    # All chains but one had a request on its way when it began.
    assert len(during) <= 600 / UNPAID_EVERY + chains - 1
    back = min(moment for moment in played.accepted if moment >= 660)
    assert back - 660 <= 61, "a cap and a look"


@pytest.mark.fault(2)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chains", [1, 2, 8])
def test_an_outage_of_two_seconds_costs_seconds_and_no_minute(chains: int, seed: int) -> None:
    played = Played(lambda now: 60 <= now < 62, chains=chains, pages=300 * chains, latency=0.5, seed=seed)
    assert not played.ended
    after = [moment for moment in played.accepted if 62 <= moment < 122]
    assert len(after) >= 0.9 * 120 * chains


def test_errors_that_never_end_are_bounded_by_the_budget_however_long_they_last() -> None:
    chance = random.Random(0)
    played = Played(lambda _now: chance.random() < 0.3, chains=8, pages=800, latency=0.3, retry_for=1e6)
    assert not played.ended
    retries = len(played.attempts) - len(played.accepted)
    assert retries <= RESERVE + EARNED * len(played.accepted) + played.accepted[-1] / UNPAID_EVERY + 1
