"""Limits that only refusals tell of: a window, a rate, and how to begin."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.learned import PROBE_EVERY, LearnedWindow
from datasync.limits.ledger import RoundTrip
from datasync.limits.search import LEAST, LESS, Search, Start
from datasync.simulator.rules import AnchoredWindow, Rule, SlidingLog


def play(rule: Rule, seconds: float, way: float = 0.05) -> tuple[LearnedWindow, list[float], list[float]]:
    """Send one at a time as soon as the window allows; give when each was let in, and when each was refused."""
    window = LearnedWindow(RoundTrip())
    now, granted, refused, until = 0.0, list[float](), list[float](), 0.0
    while now < seconds:
        delay = max(until - now, window.delay(now))
        if delay > 0:
            now += delay + 1e-6
            continue
        sent = now
        window.sent()
        now += way
        if rule.admits(now):
            rule.take(now)
            granted.append(now)
            now += way
            window.answered(now)
            continue
        refused.append(now)
        wait = math.ceil(rule.standing(now).reset)
        now += way
        window.refused(now, sent, wait)
        until = now + wait
    return window, granted, refused


@pytest.mark.parametrize("limit", [5, 20, 50])
@pytest.mark.parametrize("seconds", [10.0, 60.0])
@pytest.mark.parametrize("kind", [AnchoredWindow, SlidingLog])
def test_one_refusal_teaches_the_limit_and_the_window_exactly(
    kind: type[AnchoredWindow], limit: int, seconds: float
) -> None:
    window, granted, refused = play(kind(limit, seconds), (PROBE_EVERY - 1) * seconds)
    assert len(refused) == 1
    assert (window._ledger.limit, window._ledger.window) == (limit, seconds)
    assert len(granted) >= 0.97 * (PROBE_EVERY - 1) * limit


def test_one_request_more_is_tried_every_twenty_windows() -> None:
    _, _, refused = play(AnchoredWindow(10, 10.0), 100 * 10.0)
    assert 2 <= len(refused) <= 1 + 100 / PROBE_EVERY


def test_a_limit_that_has_grown_is_found_one_by_one() -> None:
    window = LearnedWindow(RoundTrip())
    now = 0.0
    for _ in range(10):
        window.sent()
        window.answered(now)
        now += 0.1
    window.sent()
    window.refused(now, now, 10 - now)
    assert window._ledger.limit == 10
    for _ in range(3):
        now += PROBE_EVERY * window._ledger.window + 1
        window.delay(now)
    assert window._ledger.limit == 13


def test_a_limit_that_has_shrunk_is_learned_from_the_next_refusal() -> None:
    class Shrinks(AnchoredWindow):
        def admits(self, now: float, cost: float = 1.0) -> bool:
            if now > 200:
                self._allowance = AnchoredWindow(7, 10.0)._allowance
            return super().admits(now, cost)

    window, _, refused = play(Shrinks(20, 10.0), 390)
    assert window._ledger.limit == 7
    assert len(refused) <= 3


def test_nothing_is_held_back_or_learned_before_a_refusal_says_how_long() -> None:
    window = LearnedWindow(RoundTrip())
    for number in range(100):
        assert window.delay(float(number)) == 0
        window.sent()
        window.answered(float(number))
    for wait in (None, 0.0):
        window.sent()
        window.refused(200.0, 199.0, wait)
        assert not window.known


def test_refusals_of_requests_that_were_under_way_together_are_one() -> None:
    window = LearnedWindow(RoundTrip())
    for number in range(10):
        window.sent()
        window.answered(number / 10)
    for _ in range(3):
        window.sent()
    window.refused(1.2, 1.0, 59.0)
    learned = window._ledger.limit, window._ledger.window
    window.refused(1.3, 1.05, 30.0)
    window.sent()
    window.answered(1.35)  # it was under way, too, and let in
    window.refused(1.4, 1.1, 10.0)
    assert learned == (10.0, 60.0)
    assert (window._ledger.limit, window._ledger.window) == learned, "and the next one teaches"
    assert window._ledger.in_flight == 0


def test_two_learned_windows_that_are_one_count_what_both_counted() -> None:
    one, other = LearnedWindow(RoundTrip()), LearnedWindow(RoundTrip())
    for window in (one, other):
        window.sent()
        window.answered(1.0)
        window.sent()
    one.absorb(other)
    assert one._ledger.used(1.0) == 4


def searched(rate: float, seconds: float) -> tuple[Search, list[float], list[float]]:
    """A server that lets so many a second in, evenly; give when each was let in, and when each was refused."""
    search = Search()
    now, granted, refused, free = 0.0, list[float](), list[float](), 0.0
    while now < seconds:
        delay = search.delay(now)
        if delay > 0:
            now += delay + 1e-6
            continue
        search.sent(now)
        if now >= free - 5 / rate:  # it takes five at once
            free = max(now, free) + 1 / rate
            granted.append(now)
            search.answered(now)
        else:
            refused.append(now)
            search.refused(now, now)
        now += 0.001
    return search, granted, refused


@pytest.mark.parametrize("rate", [5.0, 25.0, 60.0])
def test_a_rate_is_found_by_going_faster_until_refused_and_then_staying_just_below(rate: float) -> None:
    _, granted, refused = searched(rate, 300)
    late = [moment for moment in granted if moment >= 30]
    assert len(late) >= 0.85 * rate * 270
    assert len(refused) <= 0.05 * len(granted)


def test_nothing_is_spaced_before_the_first_refusal() -> None:
    search = Search()
    for _ in range(100):
        assert search.delay(0.0) == 0
        search.sent(0.0)
        search.answered(0.0)
    assert not search.known


def test_a_refusal_brings_the_rate_below_what_was_just_accepted_and_refusals_with_it_are_the_same_news() -> None:
    search = Search()
    for number in range(20):
        search.sent(number / 20)
        search.answered(number / 20)
    search.refused(1.0, 0.99)
    rate = search._now(1.0)
    assert rate == pytest.approx(19 * LESS, rel=0.06)
    search.refused(1.01, 0.995)
    assert search._now(1.0) == rate
    search.sent(1.1)
    assert search.delay(1.1) == pytest.approx(1 / search._now(1.1), rel=0.05)


def test_the_rate_comes_back_to_where_it_was_refused_stays_there_and_goes_beyond() -> None:
    search = Search()
    for number in range(20):
        search.answered(number / 20)
    search.refused(1.0, 0.99)
    rates = [search._now(1.0 + second / 4) for second in range(100)]
    assert rates == sorted(rates)
    gains = [later - first for first, later in pairwise(rates)]
    flat = gains.index(min(gains))
    assert rates[flat] == pytest.approx(search._peak, rel=0.02)
    assert gains[0] > 10 * gains[flat]
    assert gains[-1] > 10 * gains[flat]


@given(st.lists(st.tuples(st.sampled_from(["sent", "answered", "refused"]), st.floats(0, 1e4)), max_size=200))
def test_a_search_never_waits_longer_than_a_minute_however_often_it_is_refused(steps: list[tuple[str, float]]) -> None:
    search, now = Search(), 0.0
    for what, pause in steps:
        now += max(pause, search.delay(now))
        if what == "sent":
            search.sent(now)
        elif what == "answered":
            search.answered(now)
        else:
            search.refused(now, now)
        assert 0 <= search.delay(now) <= 1 / LEAST + 1e-6


def test_the_first_requests_go_one_at_a_time_and_then_twice_as_many_each_round() -> None:
    start, limits = Start(), list[float]()
    for number in range(400):
        limits.append(start.limit)
        start.answered(number / 100)
    assert limits[: Start.CAREFUL_REQUESTS] == [1] * Start.CAREFUL_REQUESTS
    assert sorted(set(limits)) == [1, 2, 4, 8, 16, 32, 64, math.inf]
    assert limits == sorted(limits)
    for limit in (2, 4, 8, 16, 32, 64):
        assert limits.count(limit) == limit, "a round of as many answers"


def test_after_twenty_seconds_the_first_requests_were_enough_however_few() -> None:
    start = Start()
    start.answered(0.0)
    start.answered(19.9)
    assert start.limit == 1
    start.answered(20.0)
    assert start.limit == 2


def test_the_start_is_over_at_once_when_a_limit_is_known() -> None:
    start = Start()
    start.end()
    start.answered(0.0)
    assert start.limit == math.inf


def test_the_lowest_rate_is_one_a_minute_also_right_after_a_refusal() -> None:
    search, now = Search(), 0.0
    for _ in range(50):  # nobody waits, as from another process
        now += 0.001
        search.sent(now)
        search.refused(now, now)
    assert search.delay(now) == pytest.approx(1 / LEAST) == 60
