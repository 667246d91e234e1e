"""A budget of a window: stricter at once by what the API says, looser only on proof."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.bucket import Settled
from datasync.limits.ledger import GUARD, RoundTrip
from datasync.limits.quota import Quota
from datasync.limits.window import LENGTHS, WindowLength, likely
from datasync.limits.windowed import CAREFUL_WINDOWS, PROOFS, WindowBucket
from datasync.simulator.rules import AlignedWindow, AnchoredWindow, Rule, SlidingLog
from tests.unit.test_ledger import steps

WINDOW = 60.0
DRIFT = 0.03


class Asked:
    """A bucket, and requests on it; the API tells limit, remaining and window."""

    def __init__(self, limit: float = 10, remaining: float = 9, *, window: float | None = WINDOW) -> None:
        self.now = 1000.0
        self.window = window
        self.limit = limit
        self.bucket = WindowBucket(self.quota(remaining), RoundTrip())
        self.answer(remaining)

    def quota(self, remaining: float | None, **more: object) -> Quota:
        told = {"limit": self.limit, "remaining": remaining, "window": self.window}
        return Quota(**(told | more))  # type: ignore[arg-type]

    def answer(self, remaining: float | None, *, took: float = 0.0, **more: object) -> None:
        self.bucket.sent()
        self.settle(remaining, took=took, **more)

    def settle(self, remaining: float | None, *, took: float = 0.0, failed: bool = False, **more: object) -> None:
        self.now += took
        quota = self.quota(remaining, **more) if remaining is not None else None
        self.bucket.answered(Settled(self.now, self.now - took, failed), quota)

    @property
    def delay(self) -> float:
        return self.bucket.delay(self.now)

    @property
    def free(self) -> float:
        return self.bucket._ledger.free(self.now)


def test_less_remaining_than_by_our_own_count_is_held_for_others_from_that_answer_on() -> None:
    asked = Asked()
    asked.answer(2)
    assert asked.free == 2
    asked.answer(1)
    asked.answer(0)
    assert asked.delay == pytest.approx(WINDOW, abs=0.1)


def test_what_was_held_for_others_is_let_go_of_when_the_api_says_that_more_is_left() -> None:
    asked = Asked()
    asked.answer(0)
    asked.now += 20
    assert asked.delay > 0
    asked.answer(7)
    assert asked.free == 7
    assert asked.delay == 0


def test_more_remaining_than_by_our_own_count_loosens_nothing_by_itself() -> None:
    asked = Asked(remaining=9)
    for _ in range(9):
        asked.answer(10)
    assert asked.delay == pytest.approx(WINDOW + DRIFT + GUARD)


def test_a_limit_that_changes_is_kept_to_from_the_next_answer_on() -> None:
    asked = Asked(limit=40, remaining=39)
    for left in range(38, 29, -1):
        asked.answer(left)
    asked.limit = 20
    asked.answer(9)
    assert asked.free == 9
    asked.limit = 80
    asked.answer(68)
    assert asked.free == 68


def test_a_limit_that_is_not_told_is_what_was_used_and_what_remains() -> None:
    asked = Asked(limit=None, remaining=49)  # type: ignore[arg-type]
    assert asked.bucket._ledger.limit == 50
    asked.answer(48)
    assert asked.bucket._ledger.limit == 50
    asked.answer(70)
    assert asked.bucket._ledger.limit == 73


def test_requests_in_flight_are_not_taken_for_others_use() -> None:
    asked = Asked()
    for _ in range(5):
        asked.bucket.sent()
    asked.settle(4)
    assert asked.free == 4
    assert not asked.bucket._ledger.holds


def test_what_became_free_while_an_answer_was_on_its_way_is_not_others_use() -> None:
    asked = Asked()
    for left in range(8, -1, -1):
        asked.answer(left)
    asked.now += WINDOW + DRIFT + GUARD - 0.1
    asked.bucket._ledger.limit = 11  # there is room for one
    asked.bucket.sent()
    asked.bucket._ledger.limit = 10
    asked.settle(0, took=0.3)  # the API counted it before the others left the window
    assert not asked.bucket._ledger.holds


def play(bucket: WindowBucket, rule: Rule, seconds: float, way: float = 0.05) -> tuple[list[float], int]:
    """Send one at a time as soon as the bucket allows; give when each was let in, and how many weren't."""
    now, granted, refused = 0.0, list[float](), 0
    while now < seconds:
        delay = bucket.delay(now)
        if delay > 0:
            now += min(delay, seconds) + 1e-6
            continue
        sent = now
        bucket.sent()
        now += way
        admitted = rule.admits(now)
        if admitted:
            rule.take(now)
            granted.append(now)
        standing = rule.standing(now)
        reset = math.ceil(standing.reset)
        now += way
        if admitted:
            quota = Quota(
                limit=standing.limit,
                remaining=standing.remaining,
                reset=(max(0, reset - 1 - 2 * way), reset + 1),
            )
            bucket.answered(Settled(now, sent), quota)
        else:
            refused += 1
            bucket.refused(now, now + reset, 0)
    return granted, refused


def first(rule: Rule) -> WindowBucket:
    standing = rule.standing(0.0)
    return WindowBucket(Quota(limit=standing.limit, remaining=standing.remaining, reset=(59, 61)), RoundTrip())


@pytest.mark.parametrize(
    "kind",
    [
        lambda: SlidingLog(10, WINDOW),
        lambda: AnchoredWindow(10, WINDOW),
        lambda: AlignedWindow(10, WINDOW, offset=31.7),
    ],
)
def test_all_of_a_window_is_used_and_nothing_refused_whichever_kind_it_is(kind: Callable[[], Rule]) -> None:
    rule = kind()
    granted, refused = play(first(rule), rule, 1800)
    assert refused == 0
    assert len(granted) >= 0.98 * 300


def test_a_fixed_window_is_believed_after_two_that_opened_with_all_free_again_and_not_before() -> None:
    asked = Asked(remaining=9)

    def busy() -> None:
        """Four requests in the middle of a window, of which the API tells at its end that none counts any more."""
        asked.now += WINDOW / 2
        for left in (8, 7, 6, 5):
            asked.answer(left)
        asked.now += WINDOW / 2 - 1

    for _ in range(PROOFS - 1):
        busy()
        asked.answer(9)
        assert asked.free < 9, "the ledger still counts what was sent in the middle"
    busy()
    asked.answer(9)
    assert asked.free == 9


def test_a_refusal_takes_the_proof_back() -> None:
    asked = Asked()
    asked.bucket._proofs = PROOFS
    asked.bucket.sent()
    asked.bucket.refused(asked.now, asked.now + 10, 0)
    assert asked.bucket._proofs == 0


def test_a_server_that_lags_behind_by_seconds_proves_nothing() -> None:
    asked = Asked()
    for _ in range(8):
        asked.answer(9)
        asked.now += 0.3
    assert asked.bucket._proofs == 0
    assert asked.free == pytest.approx(1)


def test_a_refusal_holds_what_we_took_for_free_and_waits_as_it_says() -> None:
    asked = Asked(remaining=5)
    asked.bucket.sent()
    asked.bucket.refused(asked.now, asked.now + 25, 0)
    assert asked.free == 0
    assert asked.delay == 25


def test_after_a_refusal_one_asks_and_its_answer_says_how_much_there_is() -> None:
    asked = Asked(limit=10, remaining=9, window=None)
    asked.bucket._take(asked.quota(9, reset=(59, 61)))
    asked.bucket._window.sure = False
    asked.bucket.sent()
    asked.bucket.refused(asked.now, asked.now + 5, 0)
    asked.now += 5
    assert asked.delay == 0
    asked.bucket.sent()
    assert asked.delay > 50, "the others wait for its answer"
    asked.settle(6, reset=(59, 61))
    assert asked.delay == 0


def test_with_others_about_requests_in_flight_leave_room_for_double() -> None:
    asked = Asked(limit=20, remaining=19)
    asked.answer(10)
    for _ in range(5):
        assert asked.delay == 0
        asked.bucket.sent()
    assert asked.delay == math.inf
    asked.now += CAREFUL_WINDOWS * WINDOW + 1
    assert asked.delay == 0, "and not for ever"


def test_nobody_is_careful_for_longer_than_the_first_window_where_nothing_is_wrong() -> None:
    asked = Asked(remaining=9)
    for left in range(8, 0, -1):
        asked.answer(left, reset=(0.5, 2.5))
    asked.answer(0, reset=(0.5, 2.5))
    asked.now += WINDOW + 1
    for _ in range(10):
        assert asked.delay == 0
        asked.bucket.sent()


def test_an_error_that_counted_double_is_expected_to_do_so_again_for_a_while() -> None:
    asked = Asked()
    asked.answer(7, failed=True)
    assert asked.bucket._ledger.most == 2
    asked = Asked()
    asked.answer(7)
    assert asked.bucket._ledger.most == 1, "others may have done it"


def test_a_refusal_with_something_left_was_of_a_request_that_costs_more_than_that() -> None:
    asked = Asked()
    asked.bucket.sent()
    asked.bucket.refused(asked.now, asked.now + 5, 1.0)
    assert asked.bucket._ledger.most == 2


def test_what_a_request_costs_is_what_is_less_after_it() -> None:
    bucket = WindowBucket(Quota(unit="tokens", limit=1000, remaining=1000, window=60), RoundTrip())
    now = 0.0
    for left in (960, 920, 880):
        bucket.sent()
        bucket.answered(Settled(now, now), Quota(unit="tokens", limit=1000, remaining=left, window=60))
    assert bucket._ledger.used(now) == pytest.approx(120, abs=4)
    assert bucket._ledger.most == pytest.approx(40, abs=2)
    assert bucket.utilisation() is None


def test_the_reset_of_a_spent_budget_is_waited_for_unless_our_own_count_is_finer() -> None:
    asked = Asked(window=None)
    asked.bucket._take(asked.quota(9, reset=(58, 60)))
    for left in range(8, 0, -1):
        asked.answer(left, reset=(58, 60))
    asked.answer(0, reset=(58.5, 60.5))
    assert asked.delay == pytest.approx(WINDOW + DRIFT + GUARD)
    asked.answer(0, reset=(70, 72))
    assert asked.delay >= 71


def test_a_spent_budget_that_frees_itself_sooner_than_we_count_is_asked_when_it_says() -> None:
    asked = Asked()
    asked.now += 30
    for left in range(8, -1, -1):
        asked.answer(left, reset=(9, 11))
    assert asked.delay == pytest.approx(11, abs=1)
    asked.now += 11
    asked.bucket.sent()
    assert asked.delay > 0, "one"


@given(st.floats(0.1, 1e5), st.lists(st.integers(0, 9), max_size=60))
def test_a_rate_is_one_request_in_each_of_its_turns(rate: float, _: list[int]) -> None:
    quota = Quota(rate=rate)
    bucket = WindowBucket(quota, RoundTrip())
    bucket.sent()
    bucket.answered(Settled(0.0, 0.0), quota)
    turn = 1 / rate
    assert bucket.window == pytest.approx(turn)
    assert turn <= bucket.delay(0.0) <= turn * 1.001 + GUARD + 1e-9


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("late", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("turn", [math.ceil, math.floor])
def test_a_rounded_reset_of_a_window_that_just_began_tells_its_length(
    length: float, late: float, turn: Callable[[float], int]
) -> None:
    if length < 6:
        return  # told in whole seconds, 2 s may be 1 or 3
    told = turn(length - late / 2)
    found = likely(max(0.0, told - 1 - 0.3), told + 1)
    near = [other for other in LENGTHS if abs(other - length) <= 1.5]
    assert found in near
    if turn is math.ceil or late == 0:
        assert found == length


def test_a_reset_that_may_be_milliseconds_is_the_one_of_which_a_usual_length_comes_out() -> None:
    assert likely(59.0, 60_001.0) == 60
    assert likely(0.06, 61.0) == 60


def test_a_length_that_is_not_usual_is_taken_as_it_is() -> None:
    assert likely(41.0, 42.5) == 42.5


def test_a_window_is_as_long_as_the_longest_reset_seen_and_sure_when_it_was_seen_to_begin() -> None:
    window = WindowLength()
    assert window.seconds is None
    window.saw((8.0, 9.5), fresh=False)
    assert not window.sure
    window.saw((59.0, 61.0), fresh=True)
    assert (window.seconds, window.sure) == (60, True)
    window.saw((8.0, 9.5), fresh=False)
    assert (window.seconds, window.sure) == (60, True)
    window.saw((299.0, 301.0), fresh=False)
    assert (window.seconds, window.sure) == (300, False)


def test_a_short_window_that_was_kept_to_and_refused_is_longer_unless_the_api_told_it() -> None:
    window = WindowLength()
    window.saw((0.0, 2.0), fresh=True)
    before = window.seconds
    assert before is not None
    window.too_short()
    assert window.seconds is not None
    assert window.seconds > before
    window.declared(1.0)
    window.too_short()
    assert window.seconds == 1
    long = WindowLength()
    long.saw((59.0, 61.0), fresh=True)
    long.too_short()
    assert long.seconds == 60


def test_two_buckets_that_are_one_count_what_both_counted() -> None:
    one, other = Asked(remaining=9), Asked(remaining=9)
    one.bucket.absorb(other.bucket)
    assert one.free == 8
    assert one.bucket.utilisation() == pytest.approx(0.2)


def lagging(requests: int) -> int:
    """The steps of as many requests to an API that always says that nothing was used."""
    asked = Asked(limit=1e6, remaining=1e6)

    def work() -> None:
        for _ in range(requests):
            assert asked.delay == 0
            asked.answer(1e6, took=0.001)

    return steps(work)


def test_an_answer_takes_as_many_steps_as_the_first_ones_did_even_where_all_seems_free() -> None:
    assert lagging(8000) <= 8.8 * lagging(1000)
