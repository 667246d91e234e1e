"""A budget of a window: stricter at once by what the API says, looser only on proof."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.bucket import Settled
from datasync.limits.ledger import GUARD, RoundTrip
from datasync.limits.quota import Quota
from datasync.limits.windowed import CAREFUL_WINDOWS, PROOFS, WindowBucket
from tests.limiter import steps

WINDOW = 60.0
DRIFT = 0.03


class Asked:
    """A bucket, and requests on it; the API tells limit, remaining and window."""

    def __init__(self, limit: float | None = 10, remaining: float = 9, *, window: float | None = WINDOW) -> None:
        self.now = 1000.0
        self.window = window
        self.limit = limit
        self.bucket = WindowBucket(self.quota(remaining), RoundTrip())
        self.answer(remaining)

    def quota(self, remaining: float, reset: tuple[float, float] | None = None) -> Quota:
        return Quota(limit=self.limit, remaining=remaining, window=self.window, reset=reset)

    def answer(
        self, remaining: float, *, took: float = 0.0, failed: bool = False, reset: tuple[float, float] | None = None
    ) -> None:
        self.bucket.sent()
        self.settle(remaining, took=took, failed=failed, reset=reset)

    def settle(
        self, remaining: float, *, took: float = 0.0, failed: bool = False, reset: tuple[float, float] | None = None
    ) -> None:
        self.now += took
        self.bucket.answered(Settled(self.now, self.now - took, failed), self.quota(remaining, reset))

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
    asked = Asked(limit=None, remaining=49)
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
        asked.answer(9)
        assert asked.free < 9, "one window is one proof, however often it is told"
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


@given(st.floats(0.1, 1e5))
def test_a_rate_is_one_request_in_each_of_its_turns(rate: float) -> None:
    quota = Quota(rate=rate)
    bucket = WindowBucket(quota, RoundTrip())
    bucket.sent()
    bucket.answered(Settled(0.0, 0.0), quota)
    turn = 1 / rate
    assert bucket.window == pytest.approx(turn)
    assert turn <= bucket.delay(0.0) <= turn * 1.001 + GUARD + 1e-9


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


def test_what_others_hold_is_free_again_with_the_window_only_where_its_length_is_certain() -> None:
    told = Asked(remaining=9)
    guessed = Asked(remaining=4, window=None)
    guessed.bucket._take(guessed.quota(4, (20, 21)))
    guessed.answer(0, reset=(20, 21))
    told.answer(0)
    for asked in (told, guessed):
        asked.now += 10 * WINDOW
    assert told.free == 10
    assert guessed.free < 9
    assert guessed.delay == 0, "but one asks"


def test_a_short_window_that_was_only_guessed_is_longer_if_it_refuses_what_was_kept_to() -> None:
    asked = Asked(limit=5, remaining=4, window=None)
    asked.bucket._take(asked.quota(4, (0, 2)))
    before = asked.bucket.window
    assert before is not None
    asked.bucket.sent()
    asked.bucket.refused(asked.now, asked.now + 1, 0)
    after = asked.bucket.window
    assert after is not None
    assert after > before
