"""Whatever an API says: nobody waits for an answer that isn't on its way, and who waits as told goes in the end."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.limits.bucket import Bucket, Settled
from datasync.limits.budget import Budget, Key
from datasync.limits.leak import LeakBucket
from datasync.limits.ledger import RoundTrip
from datasync.limits.quota import Quota, Unit
from datasync.limits.windowed import WindowBucket

FOREVER = 2.0**31
NUMBERS = st.sampled_from([0.0, 0.25, 1.0, 2.0, 3.0, 10.0, 100.0, 1e6, 1e12, 1e18]) | st.floats(0, 20)
SECONDS = st.sampled_from([0.0, 1e-3, 0.5, 1.0, 1.5, 60.0, 61.0, 3600.0, 86_400.0, FOREVER]) | st.floats(0, 120)
UNITS: list[Unit] = ["requests", "requests", "requests", "tokens", "concurrent"]
QUOTAS = st.builds(
    Quota,
    bucket=st.sampled_from(["", "a", "b"]),
    unit=st.sampled_from(UNITS),
    limit=st.none() | NUMBERS,
    remaining=st.none() | NUMBERS,
    window=st.none() | SECONDS,
    reset=st.none() | st.tuples(SECONDS, SECONDS).map(lambda pair: (min(pair), max(pair))),
    full=st.booleans(),
    rate=st.none() | st.sampled_from([0.0, 1e-9, 0.5, 25.0, 1e12]),
)
WAITS = st.none() | SECONDS
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), SECONDS),
        st.tuples(st.just("wait")),
        st.tuples(st.just("send")),
        st.tuples(st.just("answer"), st.integers(0, 5), st.lists(QUOTAS, max_size=3), st.booleans()),
        st.tuples(st.just("refuse"), st.integers(0, 5), st.lists(QUOTAS, max_size=3), WAITS),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("merge")),
    ),
    max_size=60,
)


def looked_at(delay: float, in_flight: int) -> float:
    assert delay >= 0, "and it is a number"
    assert math.isfinite(delay) or in_flight > 0, "waits for an answer, and none is on its way"
    return delay


class Run:
    """Drives a budget as the governor does: what must wait isn't sent."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.round_trip = RoundTrip()
        self.budget = Budget(self.round_trip, Random(1))
        self.in_flight: list[tuple[Budget, float, frozenset[Key]]] = []

    def delay(self) -> float:
        return looked_at(self.budget.delay(self.now), len(self.in_flight))

    def send(self) -> None:
        if self.delay() == 0:
            self.in_flight.append((self.budget, self.now, self.budget.keys()))
            self.budget.sent(self.now)

    def settle(self, which: int) -> tuple[Budget, float, frozenset[Key]]:
        budget, sent, keys = self.in_flight.pop(which % len(self.in_flight))
        while budget.successor is not None:
            budget = budget.successor
        return budget, sent, keys

    def merge(self) -> None:
        """Find out that a route which has just begun shares this budget, with one request of it under way."""
        other, self.budget = self.budget, Budget(self.round_trip, Random(2))
        self.send()
        self.budget.absorb(other)

    def take(self, step: tuple[object, ...]) -> None:
        match step:
            case ("pass", float(seconds)):
                self.now += seconds
            case ("wait",):
                delay = self.delay()
                self.now += delay if math.isfinite(delay) else 0.0
            case ("send",):
                self.send()
            case ("merge",):
                self.merge()
            case (what, int(which), *said) if self.in_flight:
                budget, sent, keys = self.settle(which)
                settled = Settled(self.now, sent)
                if what == "answer":
                    quotas, failed = said
                    self.round_trip.saw(self.now - sent)
                    budget.answered(settled._replace(failed=failed), quotas, keys)  # type: ignore[arg-type]
                elif what == "refuse":
                    quotas, wait = said
                    budget.refused(settled, wait, quotas, keys)  # type: ignore[arg-type]
                else:
                    budget.unanswered(settled, keys)

    def finish(self) -> None:
        """No more answers come. Who waits as told may go."""
        while self.in_flight:
            self.take(("lose", 0))
        for _ in range(20):
            delay = self.delay()
            if delay == 0:
                return
            self.now += delay + 1e-6
        raise AssertionError("it is never over")


@settings(max_examples=400)
@given(STEPS)
def test_no_budget_waits_for_nothing_or_without_end_whatever_its_api_says(steps: list[tuple[object, ...]]) -> None:
    run = Run()
    for step in steps:
        run.take(step)
        run.delay()
    share = run.budget.utilisation()
    assert share is None or 0 <= share <= 1
    run.finish()


@settings(max_examples=200)
@given(STEPS)
def test_nothing_stays_in_flight_in_any_bucket_when_all_is_settled(steps: list[tuple[object, ...]]) -> None:
    run = Run()
    for step in steps:
        run.take(step)
    run.finish()
    assert run.budget._in_flight == 0
    assert run.budget._learned._ledger.in_flight == 0
    for bucket in run.budget._buckets.values():
        assert (bucket._ledger.in_flight if isinstance(bucket, WindowBucket) else bucket._in_flight) == 0  # type: ignore[attr-defined]


@settings(max_examples=400)
@given(
    QUOTAS.filter(lambda quota: quota.remaining is not None),
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(["wait", "answer", "silent", "refuse", "send"]), QUOTAS, SECONDS, WAITS), max_size=40
    ),
)
def test_no_bucket_does_so_by_itself(
    first: Quota, timed: bool, steps: list[tuple[str, Quota, float, float | None]]
) -> None:
    bucket: Bucket = WindowBucket(first, RoundTrip()) if timed else LeakBucket(first)
    now, sent = 0.0, [0.0]
    bucket.sent()
    bucket.answered(Settled(0.0, sent.pop()), first)
    for what, quota, seconds, wait in steps:
        delay = looked_at(bucket.delay(now), len(sent))
        if what == "wait":
            now += delay if math.isfinite(delay) else seconds
        elif what == "send":
            if delay == 0:
                bucket.sent()
                sent.append(now)
        elif sent:
            if what == "refuse":
                sent.pop()
                bucket.refused(now, now + (wait or 0.0), quota.remaining)
            else:
                bucket.answered(Settled(now, sent.pop()), quota if what == "answer" else None)
        looked_at(bucket.delay(now), len(sent))
    while sent:
        bucket.answered(Settled(now, sent.pop()), None)
    for _ in range(20):
        delay = looked_at(bucket.delay(now), 0)
        if delay == 0:
            return
        now += delay + 1e-6
    pytest.fail("it is never over")
