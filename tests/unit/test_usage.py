"""How much of what was allowed was used."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.usage import Usage


def used(moments: list[float], limit: float = 10, window: float = 60) -> float | None:
    usage = Usage()
    for moment in moments:
        usage.accepted(moment, limit, window)
    return usage.share


def test_all_is_used_by_who_sends_the_limit_in_every_window() -> None:
    assert used([60.0 * window + request / 100 for window in range(20) for request in range(10)]) == 1.0


def test_half_is_used_by_who_sends_half_of_it() -> None:
    assert used([60.0 * window + request for window in range(20) for request in range(5)]) == 0.5


def test_windows_in_which_nothing_was_sent_count_as_allowed() -> None:
    assert used([0.0] * 10 + [600.0] * 10) == pytest.approx(20 / 110)


def test_nothing_is_known_without_a_limit_and_a_window() -> None:
    assert used([]) is None
    assert used([1.0] * 5, limit=math.inf) is None
    assert used([1.0] * 5, window=math.inf) is None
    assert used([1.0] * 5, limit=0) is None
    assert used([1.0] * 5, window=0) is None


def test_a_limit_that_changes_counts_from_the_window_after() -> None:
    usage = Usage()
    for window in range(10):
        limit = 10 if window < 5 else 40
        for _ in range(limit):
            usage.accepted(60.0 * window, limit, 60)
    assert usage.share == 1.0


def test_what_a_budget_that_turned_out_to_be_the_same_used_counts_against_the_same_windows() -> None:
    one, other = Usage(), Usage()
    for window in range(10):
        for _ in range(5):
            one.accepted(60.0 * window, 10, 60)
            other.accepted(60.0 * window, 10, 60)
    one.absorb(other)
    assert one.share == 1.0


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e15) | st.just(math.inf), st.floats(0, 2.0**31)), max_size=100)
)
def test_the_share_is_a_share_whatever_limits_and_windows_are_told(told: list[tuple[float, float, float]]) -> None:
    usage, now = Usage(), 0.0
    for pause, limit, window in told:
        now += pause
        usage.accepted(now, limit, window)
        assert usage.share is None or 0 <= usage.share <= 1
