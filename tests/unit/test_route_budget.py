"""What holds back the requests of a route: several buckets at once, and what is learned where none is told."""

from __future__ import annotations

import math
from random import Random

import pytest

from datasync.limits.bucket import Settled
from datasync.limits.budget import MAX_BUCKETS, UNHEARD, Budget, Key
from datasync.limits.ledger import GUARD, RoundTrip
from datasync.limits.pause import LEAST, MARGIN
from datasync.limits.quota import Quota
from datasync.limits.windowed import WindowBucket


def minute(remaining: float, limit: float = 10) -> Quota:
    return Quota("minute", limit=limit, remaining=remaining, window=60)


def day(remaining: float, limit: float = 1000) -> Quota:
    return Quota("day", limit=limit, remaining=remaining, window=86_400)


def leak(used: float) -> Quota:
    return Quota("leak", limit=40, remaining=40 - used)


class Route:
    """A budget, and requests on it that are answered at once."""

    def __init__(self) -> None:
        self.budget = Budget(RoundTrip(), Random(1))
        self.now = 1000.0

    @property
    def delay(self) -> float:
        return self.budget.delay(self.now)

    def send(self) -> tuple[float, frozenset[Key]]:
        keys = self.budget.keys()
        self.budget.sent(self.now)
        return self.now, keys

    def ask(self, *quotas: Quota, sent: tuple[float, frozenset[Key]] | None = None) -> None:
        at, keys = sent or self.send()
        self.budget.answered(Settled(self.now, at), list(quotas), keys)

    def refuse(self, wait: float | None, *quotas: Quota, sent: tuple[float, frozenset[Key]] | None = None) -> None:
        at, keys = sent or self.send()
        self.budget.refused(Settled(self.now, at), wait, list(quotas), keys)

    def bucket(self, name: str) -> WindowBucket:
        (found,) = (bucket for key, bucket in self.budget._buckets.items() if key[0] == name)
        assert isinstance(found, WindowBucket)
        return found


def test_nothing_is_held_back_before_the_api_has_said_anything() -> None:
    route = Route()
    for _ in range(1000):
        assert route.delay == 0
        route.send()


def test_every_budget_that_an_answer_shows_must_allow_the_next_request() -> None:
    for quotas in ((minute(0), day(500)), (day(500), minute(0))):
        route = Route()
        route.ask(*quotas)
        assert 0 < route.delay <= 61, "by the minute"
    route = Route()
    route.ask(minute(9), day(0))
    assert 86_000 < route.delay < 86_500, "by the day"
    route = Route()
    route.ask(minute(9), day(500))
    assert route.delay == 0


def test_a_leaky_bucket_beside_a_window_holds_back_too() -> None:
    route = Route()
    for used in range(40):
        assert route.delay == 0
        route.ask(minute(1e9, limit=1e9), leak(used + 1))
    assert route.delay > 0


def test_only_the_budget_that_is_used_up_has_refused() -> None:
    route = Route()
    route.ask(minute(5), day(999))
    route.refuse(30.0, minute(0), day(998))
    assert route.delay == pytest.approx(30 + MARGIN)
    assert route.bucket("minute")._ledger.free(route.now) == 0
    assert route.bucket("day")._ledger.free(route.now) == 998


def test_a_refusal_that_names_the_one_budget_that_is_used_up_costs_no_other_more_than_a_request() -> None:
    route = Route()
    route.ask(minute(5), day(999))
    route.refuse(30.0, minute(0))
    route.now += 60 + MARGIN + 1
    assert route.delay == 0, "and not until tomorrow"
    assert route.bucket("day")._ledger.free(route.now) == 998


def test_a_refusal_that_names_none_that_we_know_was_every_ones() -> None:
    route = Route()
    route.ask(minute(5), day(500))
    route.refuse(30.0, Quota("something", remaining=0))
    assert route.bucket("minute")._ledger.holds
    assert route.bucket("day")._ledger.holds


def test_a_refusal_by_a_reset_of_a_budget_that_is_used_up_waits_for_it() -> None:
    route = Route()
    route.ask(minute(5))
    route.refuse(None, Quota("minute", limit=10, remaining=0, window=60, reset=(19, 21)))
    assert route.delay == pytest.approx(21 + MARGIN)
    route = Route()
    route.ask(minute(5), day(500))
    resets = {"minute": (19, 21), "day": (3000, 3001)}
    route.refuse(None, *(Quota(name, remaining=0, reset=reset) for name, reset in resets.items()))
    assert route.delay == pytest.approx(3001 + MARGIN), "all must be over"


def test_a_bucket_that_is_not_heard_of_for_twenty_answers_is_none_of_this_route() -> None:
    route = Route()
    route.ask(minute(1e6, limit=1e6), day(0))
    assert route.delay > 86_000
    for _ in range(UNHEARD):
        route.ask(minute(1e6, limit=1e6))
        assert route.delay > 86_000
    route.ask(minute(1e6, limit=1e6))
    assert route.delay == 0


def test_answers_that_say_nothing_at_all_let_no_bucket_go() -> None:
    route = Route()
    route.ask(day(0))
    for _ in range(10 * UNHEARD):
        route.ask()
    assert route.delay > 86_000


def test_a_request_that_outlives_a_bucket_is_not_missed_in_one_that_comes_back_under_its_name() -> None:
    route = Route()
    route.ask(minute(5), day(500))
    slow = route.send()
    for _ in range(UNHEARD + 1):
        route.ask(minute(5))
    route.ask(minute(5), day(400))
    route.ask(minute(5), day(399), sent=slow)
    assert route.bucket("day")._ledger.in_flight == 0
    route.send()
    assert route.bucket("day")._ledger.in_flight == 1


def test_an_api_that_names_new_buckets_for_ever_fills_no_memory() -> None:
    route = Route()
    for number in range(300):
        route.ask(*(Quota(f"{number}/{each}", limit=10, remaining=9, window=60) for each in range(50)))
        assert len(route.budget._buckets) <= MAX_BUCKETS
        assert len(route.budget._unheard) <= MAX_BUCKETS


def test_a_limit_of_requests_at_once_is_no_budget() -> None:
    route = Route()
    route.ask(Quota("", "concurrent", limit=5, remaining=0, reset=(60, 60)))
    assert route.delay == 0
    assert not route.budget.keys()


def test_a_request_without_an_answer_counts_as_arrived_when_none_is_expected_any_more() -> None:
    route = Route()
    route.ask(minute(9))
    for _ in range(9):
        sent = route.send()
        route.now += 10
        route.budget.unanswered(Settled(route.now, sent[0]), sent[1])
    assert route.bucket("minute")._ledger.in_flight == 0
    assert route.bucket("minute")._ledger.used(route.now) > 5
    # Learned windows count it as well.
    assert route.budget._learned._ledger.in_flight == 0


def test_refusals_that_say_how_long_teach_a_window_and_those_that_say_nothing_a_rate() -> None:
    route = Route()
    for _ in range(20):
        route.ask()
        route.now += 0.1
    route.refuse(58.0)
    assert route.budget._learned.known
    assert not route.budget._search.known
    route = Route()
    for _ in range(20):
        route.ask()
        route.now += 0.1
    route.refuse(None)
    assert route.budget._search.known
    assert not route.budget._learned.known


def test_nothing_is_searched_for_where_the_api_shows_its_budget() -> None:
    route = Route()
    route.ask(minute(9))
    route.refuse(None)
    assert not route.budget._search.known
    route = Route()
    route.refuse(None, minute(0))
    assert not route.budget._search.known


def test_what_was_learned_steps_back_where_a_budget_is_shown_after_all() -> None:
    route = Route()
    for _ in range(3):
        route.ask()
    route.refuse(60.0)
    route.now += 61
    route.ask(minute(1e6, limit=1e6))
    for _ in range(50):
        assert route.delay == 0
        route.ask(minute(1e6, limit=1e6))


def test_after_a_pause_in_vain_one_request_finds_out_about_the_next() -> None:
    route = Route()
    for _ in range(2):
        route.refuse(0.0)
        route.now += 10
    assert route.delay == 0
    probe = route.send()
    assert route.delay == math.inf
    route.ask(sent=probe)
    assert route.delay == 0 or route.budget._search.known


def test_a_refusal_that_says_nothing_makes_no_hot_loop() -> None:
    for wait in (None, 0.0):
        route = Route()
        route.refuse(wait)
        assert route.delay >= LEAST


def test_the_start_is_over_when_a_limit_is_told_or_refuses() -> None:
    for refused in (False, True):
        route = Route()
        route.ask()
        assert route.budget.start.limit == 1
        if refused:
            route.refuse(None)
        else:
            route.ask(minute(9))
        assert route.budget.start.limit == math.inf


def test_the_utilisation_is_that_of_the_tightest_bucket_and_none_where_none_is_told() -> None:
    route = Route()
    assert route.budget.utilisation() is None
    route.ask(leak(1))
    assert route.budget.utilisation() is None
    for each in range(5):
        route.ask(minute(9 - each), day(999 - each))
    assert route.budget.utilisation() == 0.5


def test_the_window_of_a_quota_is_known_once_it_was_told() -> None:
    route = Route()
    assert route.budget.window(minute(9)) is None
    route.ask(minute(9))
    assert route.budget.window(minute(9)) == 60
    assert route.budget.window(leak(1)) is None


def test_a_spent_minute_is_over_a_minute_after_its_requests_counted() -> None:
    route = Route()
    for left in range(9, -1, -1):
        assert route.delay == 0
        route.ask(minute(left))
    assert route.delay == pytest.approx(60.03 + GUARD)
