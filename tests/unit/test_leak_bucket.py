"""A leaky bucket that says how full it is, and nothing about time."""

from __future__ import annotations

import math

import pytest

from datasync.limits.bucket import Settled
from datasync.limits.leak import CAREFUL, PROBE, LeakBucket
from datasync.limits.quota import Quota
from datasync.simulator.rules import LeakyBucket


def told(used: float, limit: float = 40, rate: float | None = None) -> Quota:
    return Quota(limit=limit, remaining=limit - used, rate=rate)


def asked(bucket: LeakBucket, now: float, used: float, *, sent: float | None = None) -> None:
    bucket.sent()
    bucket.answered(Settled(now, now if sent is None else sent), told(used))


def play(limit: float, leak: float, seconds: float, way: float = 0.1) -> tuple[int, int]:
    """Send one at a time as soon as the bucket allows; give how many were let in, and how many weren't."""
    rule, bucket = LeakyBucket(limit, leak), LeakBucket(told(0, limit))
    now, granted, refused = 0.0, 0, 0
    while now < seconds:
        delay = bucket.delay(now)
        if delay > 0:
            now += delay + 1e-6
            continue
        sent = now
        bucket.sent()
        now += way
        admitted = rule.admits(now)
        if admitted:
            rule.take(now)
        used = math.ceil(rule.standing(now).used)
        now += way
        granted, refused = granted + admitted, refused + (not admitted)
        if admitted:
            bucket.answered(Settled(now, sent), told(used, limit))
        else:
            bucket.refused(now, now + 1 / leak, None)
    return granted, refused


@pytest.mark.parametrize(("limit", "leak"), [(40, 2.0), (80, 4.0)])
def test_the_leak_is_found_by_the_level_and_used_up_without_a_refusal(limit: float, leak: float) -> None:
    granted, refused = play(limit, leak, 1200)
    assert refused == 0
    assert granted >= 0.97 * (limit + 1200 * leak)


def test_what_is_in_flight_counts_as_in_the_bucket() -> None:
    bucket = LeakBucket(told(0))
    for _ in range(40):
        assert bucket.delay(0.0) == 0
        bucket.sent()
    assert bucket.delay(0.0) == math.inf


def test_a_full_bucket_whose_leak_is_not_known_is_asked_once_a_second() -> None:
    bucket = LeakBucket(told(40))
    asked(bucket, 5.0, 40)
    assert bucket.delay(5.0) == PROBE
    assert bucket.delay(5.0 + PROBE) == 0
    bucket.sent()
    assert bucket.delay(5.0 + PROBE) == math.inf


def test_a_rate_that_is_told_is_counted_on_at_once() -> None:
    bucket = LeakBucket(told(40, rate=2.0))
    bucket.sent()
    bucket.answered(Settled(0.0, 0.0), told(40, rate=2.0))
    assert 0.5 < bucket.delay(0.0) == pytest.approx(0.5 / CAREFUL)


def test_a_refusal_says_that_it_is_full_and_how_long_to_wait() -> None:
    bucket = LeakBucket(told(1, rate=2.0))
    bucket.sent()
    bucket.answered(Settled(0.0, 0.0), told(1, rate=2.0))
    bucket.sent()
    bucket.refused(0.0, 7.0, None)
    assert bucket.delay(0.0) == 7
    assert bucket.delay(7.0) == 0
    assert bucket._estimate(7.0) == pytest.approx(40 - 7 * 2 * CAREFUL)


def test_an_answer_that_was_overtaken_makes_the_bucket_no_emptier() -> None:
    bucket = LeakBucket(told(0))
    asked(bucket, 1.0, 30)
    asked(bucket, 1.1, 12, sent=0.5)
    assert bucket._estimate(1.1) == 30
    asked(bucket, 2.0, 12, sent=1.5)
    assert bucket._estimate(2.0) == 12


def test_an_answer_that_says_nothing_is_one_request_more() -> None:
    bucket = LeakBucket(told(0))
    asked(bucket, 1.0, 5)
    bucket.sent()
    bucket.answered(Settled(1.0, 1.0), None)
    assert bucket._estimate(1.0) == 6


def test_an_empty_bucket_teaches_no_leak() -> None:
    bucket = LeakBucket(told(0))
    for second in range(100):
        asked(bucket, float(second), 1)
    assert bucket._rate == 0


def test_two_buckets_that_are_one_count_both_in_flight_and_tell_no_utilisation() -> None:
    one, other = LeakBucket(told(0)), LeakBucket(told(0))
    other.sent()
    one.absorb(other)
    assert one._in_flight == 1
    assert one.utilisation() is None


def test_a_bucket_with_room_for_less_than_one_request_lets_one_go_all_the_same() -> None:
    little = Quota(remaining=0.25, rate=0.5)
    bucket = LeakBucket(little)
    bucket.sent()
    bucket.answered(Settled(0.0, 0.0), little)
    assert bucket.delay(bucket.delay(0.0) + 1e-6) == 0
