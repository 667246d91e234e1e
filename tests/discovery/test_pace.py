"""`plan` predicts what a run waits for under the limits that an API tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.discovery import pace
from datasync.limits.quota import Quota

TEN = Quota(limit=10, remaining=3, window=60, reset=(59, 61))


@pytest.mark.parametrize(("requests", "seconds"), [(0, 0), (3, 0), (4, 61), (13, 61), (14, 121), (23, 121), (24, 181)])
def test_what_is_left_goes_out_at_once_and_the_rest_window_by_window(requests: int, seconds: float) -> None:
    assert pace.seconds([TEN], requests, None) == seconds


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 100), st.integers(0, 300))
def test_it_is_as_long_as_counting_the_windows_takes(limit: int, left: int, window: int, requests: int) -> None:
    quota = Quota(limit=limit, remaining=left, reset=(0, window / 2))
    clock, free = 0.0, left
    for _ in range(requests):
        if not free:
            clock, free = (clock or window / 2 - window) + window, limit
        free -= 1
    assert pace.seconds([quota], requests, window) == pytest.approx(clock)


def test_the_scarcest_quota_counts_and_only_those_of_requests() -> None:
    wide = Quota(limit=1000, remaining=1000, window=60)
    assert pace.seconds([wide, TEN], 4, None) == 61
    assert pace.seconds([Quota(unit="concurrent", limit=1, remaining=0, window=60)], 4, None) is None


def test_without_a_window_the_time_until_the_reset_stands_for_it() -> None:
    assert pace.seconds([Quota(limit=10, remaining=0, reset=(29, 30))], 11, None) == 60
    assert pace.seconds([Quota(limit=10, remaining=0)], 11, None) is None


def test_a_rate_is_kept_to() -> None:
    assert pace.seconds([Quota(rate=2.0, remaining=4)], 10, None) == 3
