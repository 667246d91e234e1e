from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import HttpSettings
from datasync.http.pace import WINDOW, Pace

LIMITS = HttpSettings(timeout=10.0, min_rate=1000.0, total_timeout=300.0)


def test_the_first_byte_has_the_timeout_whatever_the_rate() -> None:
    pace = Pace(LIMITS, 100.0)
    assert pace.until == 110.0
    assert "within 10 s" in pace.reason


def test_a_first_byte_is_followed_by_a_whole_window_before_the_rate_is_judged() -> None:
    pace = Pace(LIMITS, 100.0)
    pace.arrived(1, 109.0)
    assert pace.until == 109.0 + WINDOW
    assert "slower than 1,000 bytes/s" in pace.reason


def test_a_large_page_on_a_slow_but_steady_link_comes_through() -> None:
    pace = Pace(LIMITS, 0.0)
    now = 0.5
    for _ in range(900):  # 60 MB at 300 kB/s take 200 s, far more than the timeout
        assert now < pace.until
        pace.arrived(65_536, now)
        now += 65_536 / 300_000


def test_a_drip_that_never_pauses_ends_after_one_window() -> None:
    pace = Pace(LIMITS, 0.0)
    now = 0.0
    while now < pace.until:
        pace.arrived(1, now)
        now += 0.02
    assert now <= WINDOW + 0.04


def test_a_fast_start_buys_no_drip_afterwards() -> None:
    pace = Pace(LIMITS, 0.0)
    pace.arrived(50_000_000, 1.0)
    now = 1.0
    while now < pace.until:
        pace.arrived(1, now)
        now += 0.02
    assert now <= 1.0 + WINDOW + 0.04


def test_no_answer_takes_longer_than_the_total() -> None:
    pace = Pace(LIMITS, 0.0)
    now = 0.0
    while now < pace.until:
        pace.arrived(1_000_000, now)
        now += 1.0
    assert pace.until == 300.0
    assert "no complete answer within 300 s" in pace.reason


def test_a_total_shorter_than_the_timeout_wins() -> None:
    pace = Pace(HttpSettings(timeout=10.0, total_timeout=3.0), 0.0)
    assert pace.until == 3.0
    assert "within 3 s" in pace.reason


@given(
    arrivals=st.lists(st.tuples(st.integers(1, 256), st.integers(1, 20_000)), min_size=1, max_size=60),
    rate=st.sampled_from([100.0, 1000.0, 3000.0]),
)
def test_the_deadline_is_the_first_moment_at_which_a_whole_window_brought_too_little(
    arrivals: list[tuple[int, int]], rate: float
) -> None:
    pace = Pace(HttpSettings(min_rate=rate, total_timeout=1e9), 0.0)
    now = 0.0
    parts: list[tuple[float, int]] = []
    for gap, size in arrivals:
        now += gap / 64  # exact in binary, so that both sides round alike
        if parts and now >= pace.until:
            break
        pace.arrived(size, now)
        parts.append((now, size))

    def too_slow(at: float) -> bool:
        window = [size for time, size in parts if at - WINDOW < time <= at]
        return at >= parts[0][0] + WINDOW and sum(window) < rate * WINDOW

    # What a window holds changes only when a part leaves it.
    moments = sorted({time + WINDOW for time, _ in parts})
    assert pace.until == next(at for at in moments if at >= parts[-1][0] and too_slow(at))


@given(sizes=st.lists(st.integers(1, 100_000), max_size=500))
def test_memory_does_not_grow_with_the_body(sizes: list[int]) -> None:
    pace = Pace(LIMITS, 0.0)
    for number, size in enumerate(sizes):
        pace.arrived(size, number / 1000)
        # A part more than those that are enough together, and none of them can be spared.
        assert len(pace._parts) <= LIMITS.min_rate * WINDOW + 1
        assert pace._size - pace._parts[0][1] < LIMITS.min_rate * WINDOW


def test_a_time_in_which_nobody_read_is_left_out() -> None:
    pace = Pace(LIMITS, 0.0)
    pace.rest(20.0)
    pace.arrived(10_000, 21.0)
    pace.rest(1000.0)
    pace.arrived(1, 1021.5)
    assert pace.until == 1021.0 + WINDOW, "as if it had come half a second after the first part"
    now = 1021.5
    while now < pace.until:
        pace.arrived(1_000_000, now)
        now += 1.0
    assert pace.until == 1320.0
