"""How long a refusal keeps everything still."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.pause import LEAST, MARGIN, MOST, SECONDARY, Pause


def pause(seed: int = 1) -> Pause:
    return Pause(random.Random(seed))


@given(st.floats(0.001, 2.0**31))
def test_a_refusal_that_says_how_long_is_waited_for_exactly_and_a_margin(wait: float) -> None:
    one = pause()
    assert one.left(100.0) == 0
    assert one.refused(100.0, 99.8, wait, secondary=True) == 100.0 + (wait + MARGIN)
    assert one.left(100.0) == pytest.approx(wait + MARGIN)
    assert one.left(100.0 + wait + MARGIN) == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 1000), st.sampled_from([None, 0.0]), st.booleans())
def test_a_refusal_that_says_nothing_or_zero_waits_half_a_second_to_one_and_a_half_times_that(
    seed: int, wait: float | None, secondary: bool
) -> None:
    until = pause(seed).refused(0.0, -0.2, wait, secondary=secondary and wait is not None)
    assert LEAST <= until <= 1.5 * LEAST


@given(st.integers(0, 1000))
def test_a_minute_where_nothing_is_said_and_the_budget_is_not_used_up(seed: int) -> None:
    one = pause(seed)
    now = 0.0
    for _ in range(5):
        until = one.refused(now, now - 0.2, None, secondary=True)
        assert SECONDARY <= until - now <= 1.5 * SECONDARY
        now = until + 0.2


def test_many_clients_that_were_refused_together_do_not_come_back_together() -> None:
    ends = {round(pause(seed).refused(0.0, -0.2, None, secondary=False), 3) for seed in range(50)}
    assert len(ends) > 40
    assert max(ends) - min(ends) > 0.2


@pytest.mark.parametrize("wait", [None, 0.0, 1.0])
def test_a_pause_that_was_in_vain_is_doubled_up_to_a_minute(wait: float | None) -> None:
    one, now, pauses = pause(), 0.0, []
    for _ in range(12):
        until = one.refused(now + 0.2, now, wait, secondary=False)
        pauses.append(until - now - 0.2)
        now = until
    for number, each in enumerate(pauses):
        least = min(LEAST * 2**number, MOST)
        said = (wait or 0.0) + MARGIN * bool(wait)
        assert max(said, least if number or not wait else 0.0) <= each <= max(said, 1.5 * least) + 1e-9


def test_refusals_of_requests_that_went_before_the_pause_are_the_same_news() -> None:
    one = pause()
    ends = [one.refused(now, -0.1, None, secondary=False) for now in (0.1, 0.11, 0.12)]
    assert not one.in_vain
    assert all(end <= 0.12 + 1.5 * LEAST for end in ends)
    assert ends == sorted(ends), "none makes it shorter"
    one.refused(ends[-1] + 0.2, ends[-1], None, secondary=False)
    assert one.in_vain


def test_an_answer_ends_the_row_of_pauses_in_vain() -> None:
    one, now = pause(), 0.0
    for _ in range(6):
        now = one.refused(now, now, None, secondary=False)
    assert one._rounds == 6
    one.answered()
    assert not one.in_vain
    assert one.refused(now, now, None, secondary=False) - now <= 1.5 * LEAST


def test_a_longer_wait_that_was_told_is_kept_by_a_shorter_one_that_came_after() -> None:
    one = pause()
    one.refused(0.0, -0.1, 30.0, secondary=False)
    assert one.refused(1.0, -0.1, 2.0, secondary=False) == 30.0 + MARGIN


def test_two_pauses_that_are_one_end_with_the_later() -> None:
    one, other = pause(), pause()
    one.refused(0.0, -0.1, 5.0, secondary=False)
    other.refused(0.0, -0.1, 9.0, secondary=False)
    one.absorb(other)
    assert one.left(0.0) == 9.0 + MARGIN
    other.absorb(one)
    assert other.left(0.0) == 9.0 + MARGIN


def test_hundreds_of_rounds_in_vain_neither_overflow_nor_wait_for_ever() -> None:
    one, now = pause(), 0.0
    for _ in range(2000):
        until = one.refused(now, now, 0.0, secondary=False)
        assert until - now <= 1.5 * MOST
        now = until


@given(st.integers(0, 1000), st.booleans())
def test_a_late_refusal_of_the_same_round_waits_no_less_than_the_least(seed: int, secondary: bool) -> None:
    one = pause(seed)
    one.refused(0.0, -0.2, 0.1, secondary=secondary)
    one.answered()
    least = SECONDARY if secondary else LEAST
    assert one.refused(0.05, -0.1, None, secondary=secondary) >= 0.05 + least
