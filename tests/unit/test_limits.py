"""Headers, ledger, slots and governor, all on a clock of the test's own."""

import asyncio
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import SlotSettings
from datasync.limits.concurrency import Slots
from datasync.limits.governor import Governor
from datasync.limits.ledger import Ledger
from datasync.limits.trio import MAX_WAIT, Quota, quota, retry_after
from datasync.model import RunStats
from tests.support import Clock


def rate(limit: object, remaining: object, reset: object, **more: str) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(reset),
    } | {name.replace("_", "-"): value for name, value in more.items()}


def test_the_three_headers_make_a_quota() -> None:
    assert quota(rate(10, 3, 42)) == Quota(10, 3, 42.0)


def test_a_reset_that_is_a_moment_goes_by_the_answers_own_clock() -> None:
    told = quota(rate(10, 0, 1445412510, date="Wed, 21 Oct 2015 07:28:00 GMT"))
    assert told == Quota(10, 0, 30.0)


@pytest.mark.parametrize("more", [{"x_cache": "HIT"}, {"x_cache": "hit from edge"}, {"age": "12"}])
def test_a_cached_answers_quota_is_ignored(more: dict[str, str]) -> None:
    assert quota(rate(10, 3, 42, **more)) is None


@given(
    st.dictionaries(
        st.sampled_from(
            ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after", "date", "age", "x-cache"]
        ),
        st.text()
        | st.sampled_from(["1e999", "nan", "-5", "0", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT"])
        | st.sampled_from(
            ["Mon, 15 Jan 99999999999999999999 10:00:00 GMT", "Mon, 15 Jan 2024 10:00:00 +99999999999999"]
        ),
    )
)
def test_no_header_raises_or_asks_for_an_endless_wait(headers: Mapping[str, str]) -> None:
    told, wait = quota(headers), retry_after(headers)
    if told is not None:
        assert 0 <= told.reset <= MAX_WAIT
    if wait is not None:
        assert 0 <= wait <= MAX_WAIT
        assert math.isfinite(wait)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("28", 28.0),
        ("2.0", 2.0),
        ("0", 0.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("1e9", None),
        ("1_0", None),
        ("999999", MAX_WAIT),
    ],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


def test_retry_after_as_a_date_goes_by_the_answers_own_clock() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert retry_after(headers) == 30.0


def test_nothing_is_held_back_before_the_api_has_said_anything() -> None:
    ledger = Ledger(Clock())
    for _ in range(1000):
        assert ledger.delay() == 0
        ledger.sent()


def test_an_empty_budget_waits_for_the_reset_and_no_longer() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.told(Quota(10, 1, 30.0), in_flight=0)
    assert ledger.delay() == 0
    ledger.sent()
    assert ledger.delay() == 30.0
    clock.now += 29.5
    assert ledger.delay() == 0.5
    clock.now += 0.5
    assert ledger.delay() == 0


def test_requests_in_flight_count_against_what_remains() -> None:
    ledger = Ledger(Clock())
    ledger.told(Quota(10, 2, 30.0), in_flight=2)
    assert ledger.delay() == 30.0


def test_a_refusal_waits_exactly_what_it_says() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.refused(28.0)
    assert ledger.delay() == 28.0
    clock.now += 28.0
    assert ledger.delay() == 0


@pytest.mark.parametrize("said", [None, 0.0])
def test_a_refusal_that_says_nothing_makes_no_hot_loop(said: float | None) -> None:
    ledger = Ledger(Clock())
    ledger.refused(said)
    assert ledger.delay() >= 1.0


def test_slots_follow_the_seeds_rules() -> None:
    slots = Slots(SlotSettings())
    assert slots.limit == 5
    for _ in range(49):
        slots.succeeded()
    assert slots.limit == 5
    slots.succeeded()
    assert slots.limit == 6
    for _ in range(1000):
        slots.succeeded()
    assert slots.limit == 10
    slots.refused()
    slots.refused()
    slots.succeeded()  # no longer consecutive
    slots.refused()
    slots.refused()
    assert slots.limit == 10
    slots.refused()
    assert slots.limit == 2


def test_the_governor_never_lets_more_requests_go_than_there_are_slots() -> None:
    most = 0

    async def main() -> None:
        governor = Governor(Slots(SlotSettings(initial=3)), Ledger(Clock()), RunStats(), asyncio.sleep)
        going = 0

        async def request() -> None:
            nonlocal going, most
            async with governor.permit():
                going += 1
                most = max(most, going)
                await asyncio.sleep(0)
                going -= 1

        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(request())

    asyncio.run(main())
    assert most == 3


def test_the_governor_waits_for_the_budget_before_a_request_and_counts_the_wait() -> None:
    clock = Clock()
    stats = RunStats()

    async def main() -> None:
        governor = Governor(Slots(SlotSettings()), Ledger(clock), stats, clock.sleep)
        async with governor.permit():
            governor.refused({"retry-after": "7"})
        before = clock.now
        async with governor.permit():
            assert clock.now == before + 7
            governor.answered(rate(10, 0, 60))
        async with governor.permit():
            assert clock.now == before + 67

    asyncio.run(main())
    assert stats.refused == 1
    assert stats.waited == 67
