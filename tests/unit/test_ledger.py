"""The ledger against servers that count what arrives, by judges that know nothing of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.ledger import DRIFT, GUARD, MAX_DRIFT, MOST, Ledger, RoundTrip
from tests.limiter import steps

INSTANT = 1e-7
"""Seconds that pass before a wait is over and seen to be."""


class Sent(NamedTuple):
    at: float
    arrived: float
    answered: float


def follow(
    ledger: Ledger,
    trips: Sequence[tuple[float, float]],
    workers: int,
    round_trip: RoundTrip | None = None,
) -> list[Sent]:
    """Send as soon as the ledger and the workers allow, one request for each trip of (out, back) seconds."""
    now, sent = 0.0, list[Sent]()
    under_way: list[float] = []
    began: dict[float, float] = {}
    while len(sent) < len(trips):
        delay = ledger.delay(now)
        if delay == 0 and len(under_way) < workers:
            out, back = trips[len(sent)]
            ledger.sent()
            sent.append(Sent(now, now + out, now + out + back))
            while sent[-1].answered in began:  # two answers never come at the very same time
                sent[-1] = sent[-1]._replace(answered=math.nextafter(sent[-1].answered, math.inf))
            began[sent[-1].answered] = now
            heappush(under_way, sent[-1].answered)
            continue
        ready = now + delay + INSTANT if len(under_way) < workers else math.inf
        assert under_way or math.isfinite(ready), "everything waits for an answer, and none is on its way"
        if under_way and under_way[0] <= ready:
            now = heappop(under_way)
            ledger.counted(now)
            if round_trip:
                round_trip.saw(now - began[now])
        else:
            now = ready
    return sent


def counted(sent: Sequence[Sent], drift: float) -> list[float]:
    """When the server counts each, by its own clock."""
    return sorted(one.arrived * (1 + drift) for one in sent)


def most_in_any_window(moments: Sequence[float], window: float) -> int:
    """By brute force: the sliding log's judgement, where what is exactly a window old has left."""
    return max(sum(first <= moment < first + window for moment in moments) for first in moments)


def most_in_anchored_windows(moments: Sequence[float], window: float) -> int:
    most, began, count = 0, -math.inf, 0
    for moment in moments:
        if moment >= began + window:
            began, count = moment, 0
        count += 1
        most = max(most, count)
    return most


def most_in_aligned_windows(moments: Sequence[float], window: float, offset: float) -> int:
    return max(Counter(math.floor((moment - offset) / window) for moment in moments).values())


def judge(sent: Sequence[Sent], window: float, drift: float) -> int:
    moments = counted(sent, drift)
    aligned = (most_in_aligned_windows(moments, window, part * window) for part in (0.0, 0.1, 0.5, 0.93))
    return max(most_in_any_window(moments, window), most_in_anchored_windows(moments, window), *aligned)


DELAYS = st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=60)
WINDOWS = st.sampled_from([1.0, 10.0, 60.0, 3600.0])
DRIFTS = st.floats(-DRIFT, DRIFT)


@given(DELAYS, st.integers(1, 8), WINDOWS, st.integers(1, 20), DRIFTS)
def test_whatever_the_delays_no_window_of_any_kind_ever_holds_more_than_the_limit(
    trips: list[tuple[float, float]], limit: int, window: float, workers: int, drift: float
) -> None:
    sent = follow(Ledger(limit, window, RoundTrip()), trips, workers)
    assert judge(sent, window, drift) <= limit


@given(DELAYS, st.floats(0, 2), st.integers(1, 8), WINDOWS, st.integers(1, 20), DRIFTS)
def test_nor_does_it_with_credit_for_the_shortest_way_once_that_was_seen(
    trips: list[tuple[float, float]], least: float, limit: int, window: float, workers: int, drift: float
) -> None:
    round_trip = RoundTrip()
    for _ in range(10_000):
        round_trip.saw(least)
    trips = [(out + least / 2, back + least / 2) for out, back in trips]
    sent = follow(Ledger(limit, window, round_trip), trips, workers, round_trip)
    assert judge(sent, window, drift) <= limit


NETWORKS: dict[str, Callable[[Random], float]] = {
    "steady": lambda draw: draw.uniform(0.02, 0.04),
    "like the scenarios'": lambda draw: draw.uniform(0.075, 0.225),
    "all jitter": lambda draw: draw.uniform(0, 0.5),
    "exponential": lambda draw: draw.expovariate(1 / 0.15),
    "a floor and a tail": lambda draw: 0.05 + draw.expovariate(10),
    "long-tailed": lambda draw: 0.03 * math.exp(draw.gauss(0, 1)),
    "either or": lambda draw: draw.choice((0.05, 0.45)),
}


@pytest.mark.parametrize(("limit", "window"), [(10, 60.0), (5, 1.0)])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_shortest_way_is_learned_as_it_goes_without_one_request_too_early(
    network: str, limit: int, window: float
) -> None:
    for seed in range(5):
        draw, way = Random(seed), NETWORKS[network]
        round_trip = RoundTrip()
        trips = [(way(draw), way(draw)) for _ in range(600)]
        sent = follow(Ledger(limit, window, round_trip), trips, 10, round_trip)
        moments = counted(sent, 0.0)
        assert all(later - first >= window for first, later in zip(moments, moments[limit:], strict=False))


@given(DELAYS, st.integers(1, 8), WINDOWS, st.integers(1, 20))
def test_a_slot_is_used_again_a_window_a_round_trip_and_the_guard_later_at_the_latest(
    trips: list[tuple[float, float]], limit: int, window: float, workers: int
) -> None:
    sent = follow(Ledger(limit, window, RoundTrip()), trips, workers)
    longest = max(out + back for out, back in trips)
    turn = window + min(MAX_DRIFT, DRIFT * window) + GUARD + longest
    rounds, queues = (len(trips) - 1) // limit, math.ceil(len(trips) / workers)
    assert sent[-1].at <= rounds * turn + queues * longest + len(trips) * INSTANT * 2


@pytest.mark.parametrize(("window", "least"), [(60.0, 0.996), (10.0, 0.975), (1.0, 0.84)])
def test_what_is_lost_to_the_network_is_its_jitter_and_not_its_round_trips(window: float, least: float) -> None:
    draw = Random(1)
    round_trip = RoundTrip()
    trips = [(draw.uniform(0.075, 0.225), draw.uniform(0.075, 0.225)) for _ in range(3000)]
    sent = follow(Ledger(10, window, round_trip), trips, 20, round_trip)
    assert 300 * window / sent[-1].at >= least


def test_the_credit_never_exceeds_the_shortest_way_seen_and_grows_with_what_was_seen() -> None:
    round_trip = RoundTrip()
    assert round_trip.credit == 0
    round_trip.saw(0.2)
    assert round_trip.credit == 0, "one answer may have been a slow one"
    credits = []
    for _ in range(1000):
        round_trip.saw(0.2)
        credits.append(round_trip.credit)
    assert credits == sorted(credits)
    assert 0.19 < credits[-1] < 0.2
    round_trip.saw(-5.0)  # a clock that was set back
    assert round_trip.credit == 0


def test_a_request_without_an_answer_keeps_its_slot() -> None:
    ledger = Ledger(2, 60, RoundTrip())
    ledger.sent()
    ledger.sent()
    assert ledger.delay(0) == math.inf
    assert ledger.delay(1e9) == math.inf
    ledger.counted(1e9)
    assert ledger.delay(1e9) == pytest.approx(60.03 + GUARD)


def test_a_request_that_did_not_count_frees_its_slot_at_once() -> None:
    ledger = Ledger(1, 60, RoundTrip())
    ledger.sent()
    ledger.drop()
    assert ledger.delay(0) == 0


def test_what_others_hold_is_counted_until_its_time_and_let_go_of_from_the_latest() -> None:
    ledger = Ledger(10, 60, RoundTrip())
    ledger.hold(4, until=30)
    ledger.hold(6, until=20)  # ends with those that began before
    assert ledger.delay(0) == 30
    ledger.costs(5.0, fade=1.0)
    assert ledger.delay(0) == 30, "what came later is held as long"
    ledger.costs(1.0, fade=0.1)
    ledger.release(7)
    assert ledger.free(0) == 7
    assert ledger.holds
    assert ledger.free(30) == 10
    assert not ledger.holds


def test_waiting_for_the_end_of_holds_and_of_slots_takes_whichever_comes_first() -> None:
    ledger = Ledger(2, 10, RoundTrip())
    ledger.sent()
    ledger.counted(0)
    ledger.hold(1, until=3)
    assert ledger.delay(0) == 3
    ledger.hold(1, until=100)
    assert ledger.delay(0) == pytest.approx(10.005 + GUARD), "both must end before there is room"


def test_what_costs_more_than_one_waits_until_as_much_is_free() -> None:
    ledger = Ledger(10, 60, RoundTrip())
    for moment in range(5):
        ledger.sent()
        ledger.counted(float(moment), 2.0)
    ledger.costs(4.0, fade=1.0)
    assert ledger.most == 4
    assert ledger.delay(5) == pytest.approx(1 + 60.03 + GUARD - 5)


def test_the_most_a_request_costs_fades_back_to_one() -> None:
    ledger = Ledger(10, 60, RoundTrip())
    ledger.costs(2.0, fade=0.99)
    assert ledger.most == 2
    for _ in range(100):
        ledger.costs(1.0, fade=0.99)
    assert ledger.most == 1


def test_a_new_window_forgets_what_was_counted_before_it_and_no_request_in_flight() -> None:
    ledger = Ledger(3, 60, RoundTrip())
    for moment in (1.0, 2.0):
        ledger.sent()
        ledger.counted(moment)
    ledger.sent()
    ledger.forget(2.0)
    assert ledger.used(2.0) == 2
    assert ledger.in_flight == 1


def test_two_ledgers_that_are_one_count_everything_once_and_in_order() -> None:
    one, other = (Ledger(10, 60, RoundTrip()) for _ in range(2))
    for moment, ledger in enumerate((one, other, one, other)):
        ledger.sent()
        ledger.counted(float(moment))
    one.sent()
    other.sent()
    one.hold(2, until=50)
    one.absorb(other)
    assert one.used(3) == 6
    assert one.in_flight == 2
    assert one.since(0) == [1, 2, 3]
    assert one.since(2) == [3]


def test_memory_is_bounded_and_no_more_than_that_many_requests_fit_into_a_window() -> None:
    ledger = Ledger(math.inf, math.inf, RoundTrip())
    for moment in range(MOST + 500):
        ledger.sent()
        ledger.counted(float(moment))
    assert len(ledger._counted) == MOST
    assert ledger.used(MOST + 500) == MOST


def played(requests: int, limit: int) -> int:
    ledger = Ledger(limit, 60, RoundTrip())
    return steps(lambda: follow(ledger, [(0.1, 0.1)] * requests, 10))


def test_a_request_takes_as_many_steps_as_the_first_ones_did_however_many_went_before() -> None:
    few, many = played(1000, 100), played(10_000, 100)
    assert many <= 10.5 * few


def test_a_request_takes_as_many_steps_with_a_limit_of_thousands_as_with_one_of_ten() -> None:
    assert played(10_000, 4000) <= 1.2 * played(10_000, 10)
