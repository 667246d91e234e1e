"""The simulated rate limits, against a clock of the test's own."""

from __future__ import annotations

import pytest

from datasync.simulator.limits import KINDS, Limits, Meter, Plan, parse_plan


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_log_slides_and_is_no_fixed_window() -> None:
    clock = Clock()
    log = Meter(Plan(2, 60).rule(), clock, count_refused=False)
    taken = []
    for at in (0, 50, 59, 60, 61, 109, 110):
        clock.now = 1_000_000.0 + at
        taken.append(not log.take().refused)
    # A fixed window would have let both slots free at 60.
    assert taken == [True, True, False, True, False, False, True]


def test_reset_is_whole_seconds_until_the_oldest_slot_frees() -> None:
    clock = Clock()
    log = Meter(Plan(10, 60).rule(), clock, count_refused=False)
    resets = []
    for _ in range(5):
        resets.append(log.take().reset)
        clock.now += 2.7
    assert resets == [60, 58, 55, 52, 50]


def test_remaining_counts_down_and_a_refusal_says_when_to_come_back() -> None:
    clock = Clock()
    log = Meter(Plan(3, 60).rule(), clock, count_refused=False)
    assert [log.take().remaining for _ in range(3)] == [2, 1, 0]
    clock.now += 32.5
    refused = log.take()
    assert refused.headers() == {
        "X-RateLimit-Limit": "3",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "28",
        "Retry-After": "28",
    }
    clock.now += 28
    assert not log.take().refused


@pytest.mark.parametrize(("count_refused", "free_again"), [(False, True), (True, False)])
def test_refused_requests_use_up_the_limit_only_where_told(*, count_refused: bool, free_again: bool) -> None:
    clock = Clock()
    log = Meter(Plan(1, 10).rule(), clock, count_refused=count_refused)
    log.take()
    clock.now += 9
    assert log.take().refused
    clock.now += 1
    assert log.take().refused is not free_again


def test_endpoints_have_separate_limits_in_the_documented_proportion() -> None:
    limits = Limits(parse_plan("10/60"), Clock())
    first = {name: limits.take(name) for name in ("events", "bulk", "sessions", "metrics", "feed")}
    assert {name: quota and quota.limit for name, quota in first.items()} == {
        "events": 10,
        "bulk": 20,
        "sessions": 40,
        "metrics": 30,
        "feed": 45,
    }
    assert all(quota and quota.remaining == quota.limit - 1 for quota in first.values())


def test_none_is_unlimited() -> None:
    assert Limits(parse_plan("none"), Clock()).take("events") is None


@pytest.mark.parametrize(
    "text", ["", "10", "10/", "/60", "0/60", "10/0", "10/-1", "10/inf", "ten/60", "10/nan", "10/60:odd"]
)
def test_a_rule_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate-limit must"):
        parse_plan(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_counts_down_and_tells_when_more_is_allowed(kind: str) -> None:
    clock = Clock()
    limits = Limits(parse_plan(f"3/60:{kind}"), clock)
    quotas = [limits.take("events") for _ in range(4)]
    assert [quota and (quota.remaining, quota.refused) for quota in quotas] == [
        (2, False),
        (1, False),
        (0, False),
        (0, True),
    ]
    refused = quotas[-1]
    assert refused
    assert 0 < refused.reset <= 60
    clock.now += refused.reset
    again = limits.take("events")
    assert again
    assert not again.refused
