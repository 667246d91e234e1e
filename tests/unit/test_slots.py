"""How many requests may be in flight: the seed's rules, the adaptive ones, and a cap that an API enforces."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import SlotSettings
from datasync.limits.concurrency import FORGET_AFTER, AdaptiveSlots, ConcurrencyCap, SeedSlots


def test_slots_follow_the_seeds_rules() -> None:
    slots = SeedSlots(SlotSettings())
    assert slots.limit == 5
    for _ in range(49):
        slots.succeeded(0.2, 1)
    assert slots.limit == 5
    slots.succeeded(0.2, 1)
    assert slots.limit == 6
    for _ in range(1000):
        slots.succeeded(0.2, 1)
    assert slots.limit == 10
    slots.refused()
    slots.refused()
    slots.succeeded(0.2, 1)  # no longer consecutive
    slots.refused()
    slots.refused()
    assert slots.limit == 10
    slots.refused()
    assert slots.limit == 2


def test_a_refusal_breaks_the_seeds_row_of_successes() -> None:
    slots = SeedSlots(SlotSettings())
    for _ in range(49):
        slots.succeeded(0.2, 1)
    slots.refused()
    for _ in range(49):
        slots.succeeded(0.2, 1)
    assert slots.limit == 5


def test_three_refusals_never_give_more_slots() -> None:
    slots = SeedSlots(SlotSettings(initial=1))
    for _ in range(3):
        slots.refused()
    assert slots.limit == 1


def busy(slots: AdaptiveSlots, answers: int, knee: float = math.inf) -> None:
    """Answer with all slots in use, by a server that takes 20 times as long for more than so many at once."""
    for _ in range(answers):
        slots.succeeded(2.0 if slots.limit > knee else 0.1, slots.limit)


def test_slots_grow_to_the_most_while_all_are_in_use_and_answers_take_no_longer() -> None:
    slots = AdaptiveSlots(SlotSettings())
    assert slots.limit == 5
    busy(slots, 200)
    assert slots.limit == 10


@given(st.lists(st.floats(0.01, 10), max_size=300))
def test_slots_never_grow_while_one_of_them_is_free(seconds: list[float]) -> None:
    slots = AdaptiveSlots(SlotSettings())
    for each in seconds:
        before = slots.limit
        slots.succeeded(each, before - 1)
        assert slots.limit <= before


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(1, 20), st.booleans()), max_size=300))
def test_slots_stay_between_one_and_the_most_and_no_slow_answer_adds_one(
    answers: list[tuple[float, int, bool]],
) -> None:
    slots = AdaptiveSlots(SlotSettings())
    for seconds, in_flight, refused in answers:
        before, usual = slots.limit, slots._usual
        if refused:
            slots.refused()
            assert slots.limit == before
            continue
        slots.succeeded(seconds, in_flight)
        assert 1 <= slots.limit <= 10
        if seconds > 2 * usual and in_flight > 1:
            assert slots.limit <= before


def test_answers_that_were_under_way_with_more_slots_take_none_of_the_reduction_back() -> None:
    slots = AdaptiveSlots(SlotSettings())
    busy(slots, 200)
    for in_flight in (10, 10, 9, 9, 8, 8):
        slots.succeeded(2.0, in_flight)
    assert slots.limit == 7
    slots.succeeded(2.0, 10)
    slots.succeeded(2.0, 10)
    assert slots.limit == 7


@pytest.mark.parametrize("knee", range(2, 10))
def test_slots_settle_at_the_number_beyond_which_answers_take_longer(knee: int) -> None:
    slots = AdaptiveSlots(SlotSettings())
    slots.succeeded(0.1, 1)
    busy(slots, 150, knee)
    assert slots.limit == knee


def test_one_slow_answer_is_chance() -> None:
    slots = AdaptiveSlots(SlotSettings())
    for _ in range(100):
        slots.succeeded(0.1, slots.limit)
        slots.succeeded(5.0, slots.limit)
    assert slots.limit >= 5


def test_a_server_that_is_slow_for_good_is_no_queue() -> None:
    slots = AdaptiveSlots(SlotSettings())
    busy(slots, 100)
    for step in range(400):
        slots.succeeded(0.1 * 1.02 ** min(step, 200), slots.limit)
    assert slots.limit == 10


def test_a_number_that_was_too_many_is_left_alone_for_twice_as_long_each_time() -> None:
    slots = AdaptiveSlots(SlotSettings())
    tries = []
    for answer in range(30 * FORGET_AFTER):
        before = slots.limit
        busy(slots, 1, knee=8)
        if slots.limit > max(8, before):
            tries.append(answer)
    pauses = [later - first for first, later in pairwise(tries)]
    assert len(pauses) >= 4
    assert pauses[0] >= FORGET_AFTER
    assert all(later >= 1.8 * first for first, later in pairwise(pauses[1:]))


def test_a_refusal_for_the_number_at_once_halves_what_was_in_flight_and_grows_to_one_below_it() -> None:
    cap = ConcurrencyCap()
    assert cap.limit == math.inf
    cap.succeeded()
    assert cap.limit == math.inf
    cap.refused(6)
    assert cap.limit == 3
    cap.succeeded()
    cap.succeeded()
    assert cap.limit == 3
    cap.succeeded()
    assert cap.limit == 4
    for _ in range(100):
        cap.succeeded()
    assert cap.limit == 5


def test_a_cap_leaves_one_slot_whatever_is_refused_or_told() -> None:
    cap = ConcurrencyCap()
    for in_flight in (2, 1, 1, 0):
        cap.refused(in_flight)
        assert cap.limit >= 1
    cap.told(0)
    assert cap.limit == 1


def test_a_cap_that_the_api_tells_is_kept_to_until_it_tells_another() -> None:
    cap = ConcurrencyCap()
    cap.told(5)
    for _ in range(100):
        cap.succeeded()
        assert cap.limit <= 5
    assert cap.limit == 5
    cap.told(3)
    assert cap.limit == 3
    cap.told(8)
    for _ in range(100):
        cap.succeeded()
    assert cap.limit == 8


def test_the_first_number_that_was_too_many_is_left_alone_for_200_answers_however_late_it_is_found() -> None:
    slots = AdaptiveSlots(SlotSettings())
    busy(slots, 3 * FORGET_AFTER)
    busy(slots, 2, knee=9)
    assert slots.limit == 9
    busy(slots, FORGET_AFTER - 1, knee=9)
    assert slots.limit == 9
    busy(slots, 20)
    assert slots.limit == 10
