"""When a run will be done."""

from hypothesis import given
from hypothesis import strategies as st

from datasync.observe.forecast import MOST, finish, seconds_left
from datasync.stats import RunStats


@given(st.integers(0, 2**64 - 1), st.floats(0, 1e7), st.none() | st.floats(1e-9, 1e6))
def test_no_total_whatever_it_is_ends_a_run(total: int, elapsed: float, rate: float | None) -> None:
    stats = RunStats(pages=2, fetched=10, total=total, served=10, allowed_per_second=rate)
    left = seconds_left(stats, elapsed)
    assert left is None or 0 <= left < MOST
    finish(stats, elapsed)


def test_what_is_left_takes_as_long_as_the_limit_makes_it() -> None:
    stats = RunStats(pages=2, fetched=10, total=30, served=10, allowed_per_second=0.5)
    assert seconds_left(stats, 1.0) == 8.0
