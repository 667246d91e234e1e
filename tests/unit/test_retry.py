import asyncio
import random
from collections.abc import Sequence
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import HttpSettings
from datasync.errors import (
    AuthError,
    ContractChanged,
    CursorExpired,
    NetworkError,
    NotAPage,
    PageDamaged,
    ProxyRefused,
    RateLimited,
    RetriableSourceError,
    ServerError,
    SourceError,
    TlsFailed,
)
from datasync.http.budget import RetryBudget
from datasync.http.retry import BASE, MIN_PAUSE, jitter, retrying
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.simulator.virtual.loop import run
from tests.support import Clock

LIMITS = HttpSettings()


class Dice(random.Random):
    """Always the same part of what is possible."""

    def __init__(self, part: float) -> None:
        super().__init__()
        self._part = part

    def random(self) -> float:
        return self._part


class Plenty(RetryBudget):
    """Never empty."""

    async def turn(self, *_arguments: object, **_limits: object) -> bool:
        return True


class Attempts:
    """Fails with each of `errors`, then succeeds. An attempt takes `seconds`, or as many as stand there for it.

    Attributes:
        times: when each attempt began.
        told: what `failed` was told.
    """

    def __init__(self, errors: Sequence[SourceError], clock: Clock, *, seconds: float | Sequence[float] = 0.0) -> None:
        self._errors = list(errors)
        self._clock = clock
        self._seconds = repeat(seconds) if isinstance(seconds, float) else iter(seconds)
        self.times: list[float] = []
        self.told: list[RetriableSourceError] = []

    async def __call__(self) -> str:
        self.times.append(self._clock.now)
        self._clock.now += next(self._seconds)
        if self._errors:
            raise self._errors.pop(0)
        return "page"

    def run(self, limits: HttpSettings = LIMITS, *, part: float = 1.0, budget: RetryBudget | None = None) -> str:
        return asyncio.run(
            retrying(
                self,
                limits=limits,
                budget=budget or Plenty(self._clock),
                wait=self._clock.sleep,
                failed=self.told.append,
                clock=self._clock,
                chance=Dice(part),
            )
        )

    @property
    def gaps(self) -> list[float]:
        return [round(after - before, 6) for before, after in zip(self.times, self.times[1:], strict=False)]


def test_the_longest_wait_doubles_from_half_a_second_to_a_minute() -> None:
    clock = Clock()
    attempts = Attempts([ServerError("503")] * 10, clock)
    assert attempts.run() == "page"
    assert attempts.gaps == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(attempts.told) == 10


def test_identical_failures_are_a_tenth_of_a_second_apart_however_the_dice_fall() -> None:
    clock = Clock()
    attempts = Attempts([NetworkError("reset")] * 50, clock)
    assert attempts.run(part=0.0) == "page"
    assert attempts.gaps == [MIN_PAUSE] * 50


@given(failures=st.integers(1, 10_000), cap=st.floats(0.1, 1000.0), seed=st.integers())
def test_jitter_is_anything_up_to_its_bound_and_never_more(failures: int, cap: float, seed: int) -> None:
    bound = min(cap, BASE * 2 ** min(failures - 1, 100))
    chance = random.Random(seed)
    drawn = [jitter(failures, cap=cap, chance=chance) for _ in range(64)]
    assert all(0 <= delay <= bound for delay in drawn)
    # Full: both ends of the range are in use. One in 10^8 draws of 64 would not reach them.
    assert min(drawn) < bound * 0.25
    assert max(drawn) > bound * 0.75


def test_the_time_since_the_first_failure_ends_the_retries_and_not_their_number() -> None:
    clock = Clock()
    attempts = Attempts([ServerError("503")] * 10_000, clock, seconds=1.0)
    with pytest.raises(ServerError, match="503") as caught:
        attempts.run(HttpSettings(retry_for=900.0))
    failed_for = attempts.times[-1] - attempts.times[0]
    assert 899 <= failed_for <= 901, "the last attempt is made when the time is up, not a cap before"
    assert len(attempts.times) > 20
    assert caught.value.hint
    assert "900 s" in caught.value.hint
    assert "run again" in caught.value.hint
    assert caught.value.exit_code == 1
    assert len(attempts.told) == len(attempts.times) - 1


def test_no_time_means_no_retry() -> None:
    attempts = Attempts([ServerError("503")] * 2, Clock())
    with pytest.raises(ServerError):
        attempts.run(HttpSettings(retry_for=0.0))
    assert len(attempts.times) == 1


@given(
    script=st.lists(
        st.sampled_from([ServerError, NetworkError, RateLimited]).map(
            lambda kind: kind("429") if kind is RateLimited else kind("failed")
        ),
        max_size=80,
    ),
    retry_for=st.floats(0.0, 300.0),
    cap=st.floats(0.2, 60.0),
    part=st.floats(0.0, 1.0),
)
def test_no_failure_is_repeated_at_once_and_none_for_longer_than_allowed(
    script: list[SourceError], retry_for: float, cap: float, part: float
) -> None:
    clock = Clock()
    attempts = Attempts(script, clock, seconds=0.01)
    budget = RetryBudget(clock)
    try:
        attempts.run(HttpSettings(retry_for=retry_for, retry_cap=cap), part=part, budget=budget)
    except RetriableSourceError as error:
        assert error.hint  # noqa: PT017 - it may or may not come
    assert all(gap >= MIN_PAUSE for gap in attempts.gaps)
    refusals = sum(isinstance(error, RateLimited) for error in attempts.told)
    # Each refusal stands still for its own pause and the attempt after it.
    allowed = retry_for + (MIN_PAUSE + 0.02) * (refusals + 2) + 1.0
    assert clock.now - 1000.0 <= allowed


@pytest.mark.fault(1)
def test_refusals_by_the_limit_use_up_nothing() -> None:
    clock = Clock()
    attempts = Attempts([RateLimited("429")] * 100, clock, seconds=600.0)
    assert attempts.run(HttpSettings(retry_for=1.0), budget=RetryBudget(clock)) == "page"
    assert set(attempts.gaps) == {600.0 + MIN_PAUSE}


def test_the_time_after_a_refusal_is_not_taken_from_the_retries() -> None:
    # The limiter holds the third attempt back for ten minutes; the failures take 0.5 s and 1 s.
    script: list[SourceError] = [ServerError("503"), RateLimited("429"), ServerError("503")]
    attempts = Attempts(script, Clock(), seconds=[0.0, 0.0, 600.0, 0.0])
    assert attempts.run(HttpSettings(retry_for=5.0)) == "page"
    attempts = Attempts([*script, ServerError("503")] * 9, Clock(), seconds=[0.0, 0.0, 600.0, 0.0] * 9)
    with pytest.raises(ServerError):
        attempts.run(HttpSettings(retry_for=5.0))


@pytest.mark.parametrize(("error", "attempts"), [(PageDamaged, 2), (NotAPage, 3)])
def test_a_page_that_stays_damaged_ends_the_run_after_so_many_attempts(error: type[PageDamaged], attempts: int) -> None:
    clock = Clock()
    damaged = Attempts([error("broken")] * 9, clock)
    with pytest.raises(error) as caught:
        damaged.run()
    assert len(damaged.times) == attempts
    assert caught.value.hint
    assert "same page" in caught.value.hint
    assert Attempts([error("broken")] * (attempts - 1), clock).run() == "page"


def test_other_failures_between_do_not_hide_that_a_page_stays_damaged() -> None:
    errors: list[SourceError] = [
        PageDamaged("broken"),
        ServerError("503"),
        NetworkError("reset"),
        PageDamaged("broken"),
    ]
    attempts = Attempts(errors, Clock())
    with pytest.raises(PageDamaged):
        attempts.run()
    assert len(attempts.times) == 4


@pytest.mark.parametrize("error", [AuthError, ContractChanged, CursorExpired, ProxyRefused, TlsFailed])
def test_what_asking_again_cannot_help_is_raised_at_once(error: type[SourceError]) -> None:
    attempts = Attempts([error("no")], Clock())
    with pytest.raises(error):
        attempts.run()
    assert len(attempts.times) == 1
    assert not attempts.told


def test_an_empty_budget_waits_the_cap_and_ends_with_the_time() -> None:
    clock = Clock()
    attempts = Attempts([ServerError("503")] * 1000, clock)
    with pytest.raises(ServerError) as caught:
        attempts.run(part=0.0, budget=RetryBudget(clock))
    assert attempts.gaps[:10] == [MIN_PAUSE] * 10
    assert all(60 <= gap <= 61.1 for gap in attempts.gaps[10:])
    assert len(attempts.times) <= 11 + 900 / 60
    assert clock.now - 1000.0 <= 901
    assert caught.value.hint


@pytest.mark.parametrize("seconds", [0.05, 0.4, 70.0])
def test_a_signal_ends_three_hundred_waits_at_once_and_no_request_follows(seconds: float) -> None:
    requests = 0

    async def fail() -> None:
        nonlocal requests
        requests += 1
        raise ServerError("503")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = Stop()
        budget = RetryBudget(loop.time)
        waits = [
            retrying(fail, limits=LIMITS, budget=budget, wait=stop.wait, failed=lambda _error: None, clock=loop.time)
            for _ in range(300)
        ]
        ended = asyncio.gather(*waits, return_exceptions=True)
        await asyncio.sleep(seconds)  # some wait out their jitter then, others for their turn in the budget
        before, asked = requests, loop.time()
        assert before >= 300
        stop.request()
        assert all(isinstance(end, Stopped) for end in await ended)
        assert requests == before
        assert loop.time() == pytest.approx(asked, abs=1e-3)

    run(main())
