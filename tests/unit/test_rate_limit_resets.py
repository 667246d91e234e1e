"""When a window ends, told in any encoding, rounded in any way, by a server whose clock is wrong."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.headers import quotas
from datasync.limits.memory import MAX_BUCKETS, ResetMemory
from datasync.limits.quota import Quota

NOW = 1445412480.0
"""The server's clock at the first answer: a whole second."""

EPSILON = 1e-5
"""Seconds. A moment since 1970 has no more digits in a float."""

Round = Callable[[float], float]


def instant(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def clock(seconds: float) -> str:
    return f"{int(seconds // 60)}m{int(seconds % 60)}s"


# What a server writes that resets at `at` and whose clock shows `now`, by the way it rounds.
ENCODINGS: dict[str, Callable[[float, float, Round], str]] = {
    "epoch seconds": lambda at, _, cut: f"{cut(at):.0f}",
    "epoch milliseconds": lambda at, _, cut: f"{cut(at * 1000):.0f}",
    "delta milliseconds": lambda at, now, cut: f"{cut((at - now) * 1000):.0f}",
    "ISO 8601": lambda at, _, cut: f"{instant(cut(at)):%Y-%m-%dT%H:%M:%SZ}",
    "Go duration": lambda at, now, cut: clock(cut(at - now)),
    "HTTP date": lambda at, _, cut: format_datetime(instant(cut(at)), usegmt=True),
    "delta seconds": lambda at, now, cut: f"{cut(at - now):.0f}",
}
AMBIGUOUS = ("delta milliseconds", "delta seconds")
ROUNDINGS: dict[str, Round] = {"up": math.ceil, "down": math.floor, "nearest": round}


def headers(reset: str, now: float, remaining: int = 5, limit: int = 10) -> dict[str, str]:
    return {
        "date": format_datetime(instant(math.floor(now)), usegmt=True),
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": reset,
    }


def told(values: dict[str, str], sent: float, received: float, memory: ResetMemory | None) -> Quota:
    [quota] = quotas(values, sent=sent, received=received, wall=0.0, memory=memory)
    return quota


def answers(encoding: str, count: int) -> list[Quota]:
    """Answers that come once a second from a window that ends in six minutes."""
    memory = ResetMemory()
    write = ENCODINGS[encoding]
    return [
        told(
            headers(write(NOW + 360, NOW + passed, round), NOW + passed, remaining=9 - passed),
            1000.0 + passed,
            1000.2 + passed,
            memory,
        )
        for passed in range(count)
    ]


def test_all_encodings_of_a_reset_give_the_same_interval() -> None:
    found = {encoding: answers(encoding, 5)[-1] for encoding in ENCODINGS}
    for encoding, quota in found.items():
        assert quota.certain, encoding
        assert quota.reset == pytest.approx((354.8, 357.0)), encoding


@pytest.mark.parametrize("encoding", [encoding for encoding in ENCODINGS if encoding not in AMBIGUOUS])
def test_a_clear_encoding_gives_it_at_once(encoding: str) -> None:
    [quota] = answers(encoding, 1)
    assert quota.certain
    assert quota.reset == pytest.approx((358.8, 361.0))


def test_seconds_are_known_from_the_second_answer() -> None:
    first, second = answers("delta seconds", 2)
    assert not first.certain
    assert first.reset == pytest.approx((0.0, 361.0))
    assert second.certain


def test_milliseconds_are_seconds_until_three_answers_in_a_row_have_shown_otherwise() -> None:
    found = answers("delta milliseconds", 5)
    assert [quota.certain for quota in found] == [False, False, False, True, True]
    for quota in found[:3]:
        assert quota.reset
        assert quota.reset[0] < 361
        assert quota.reset[1] > 357_000


def test_the_length_of_a_window_is_known_by_staying_while_requests_are_used_up() -> None:
    memory = ResetMemory()
    found = [
        told(headers("60", NOW, remaining=9 - used), 1000.0 + 3 * used, 1000.2 + 3 * used, memory) for used in range(5)
    ]
    assert [quota.window for quota in found] == [None, None, None, 60, 60]
    assert found[2].reset == (0.0, 61.0)
    assert found[4].reset is None
    assert found[4].certain


def test_the_length_of_a_window_in_milliseconds_is_one_too() -> None:
    memory = ResetMemory()
    found = [
        told(headers("10000", NOW, remaining=9 - used), 1000.0 + 3 * used, 1000.2 + 3 * used, memory)
        for used in range(4)
    ]
    assert found[-1].window == 10


def test_a_number_that_stays_but_is_no_length_of_a_window_stays_uncertain() -> None:
    memory = ResetMemory()
    for used in range(6):
        quota = told(headers("47", NOW, remaining=9 - used), 1000.0 + 3 * used, 1000.2 + 3 * used, memory)
        assert not quota.certain
        assert quota.reset == (0.0, 48.0)


def test_a_reset_that_stays_because_each_request_opens_a_window_is_no_length() -> None:
    memory = ResetMemory()
    for passed in range(0, 600, 61):
        quota = told(headers("60", NOW, remaining=9), 1000.0 + passed, 1000.2 + passed, memory)
        assert quota.window is None
        assert quota.reset == (0.0, 61.0)


def test_seconds_left_take_back_a_length_that_was_believed() -> None:
    memory = ResetMemory()
    for used in range(5):
        told(headers("60", NOW, remaining=9 - used), 1000.0 + 3 * used, 1000.2 + 3 * used, memory)
    quota = told(headers("57", NOW, remaining=3), 1015.0, 1015.2, memory)
    assert quota.window is None
    assert quota.reset == pytest.approx((55.8, 58.0))


@pytest.mark.parametrize("wait", ["30", "Wed, 21 Oct 2015 07:28:30 GMT"])
def test_a_retry_after_beside_it_tells_seconds_at_once(wait: str) -> None:
    quota = told(headers("30", NOW, remaining=0) | {"retry-after": wait}, 1000.0, 1000.0, None)
    assert quota.certain
    assert quota.reset == (29.0, 31.0)


def test_nodes_with_windows_of_their_own_are_not_taken_for_milliseconds() -> None:
    memory = ResetMemory()
    ends = (3600.0, 1900.0, 200.0)
    for number in range(60):
        passed = number * 1.7
        left = ends[number % 3] - passed
        quota = told(headers(f"{left:.0f}", NOW), 1000.0 + passed, 1000.1 + passed, memory)
        assert quota.reset
        assert quota.reset[1] >= left


def test_answers_that_overlap_in_time_prove_no_milliseconds() -> None:
    memory = ResetMemory()
    for number, left in enumerate((3600, 3300, 3000, 2700, 2400, 2100)):
        quota = told(headers(str(left), NOW), 1000.0, 1000.5 + 0.5 * number, memory)
        assert not quota.certain
        assert quota.reset
        assert quota.reset[1] == left + 1


def test_answers_of_one_window_narrow_its_end_down() -> None:
    memory = ResetMemory()
    widths = []
    for passed in (0.0, 0.7, 1.9, 3.2, 4.95):
        reset = f"{math.ceil(60 - passed)}"
        quota = told(headers(reset, NOW + passed), 1000.0 + passed, 1000.05 + passed, memory)
        assert quota.reset
        widths.append(quota.reset[1] - quota.reset[0])
    assert widths[2] == pytest.approx(2.05)
    assert widths[-1] < 1.4


def test_a_window_that_follows_is_not_cut_by_the_one_before() -> None:
    memory = ResetMemory()
    told(headers("2", NOW), 1000.0, 1000.1, memory)
    told(headers("1", NOW + 1), 1001.0, 1001.1, memory)
    quota = told(headers("2", NOW + 2), 1001.9, 1002.0, memory)
    assert quota.reset == pytest.approx((0.9, 3.0))


def test_a_reset_that_grows_with_each_request_is_not_cut_by_the_one_before() -> None:
    memory = ResetMemory()
    for number, reset in enumerate(("1s", "2s", "3s")):
        values = {"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": reset}
        quota = told(values, 1000.0 + 0.1 * number, 1000.0 + 0.1 * number, memory)
        assert quota.full
        assert quota.reset == (number, number + 2.0)


def test_a_reset_that_comes_much_sooner_than_was_told_is_believed() -> None:
    """As after a suspended machine wakes up: its monotonic clock stood still, the server's window did not."""
    memory = ResetMemory()
    for passed, left in ((0, 3600), (2, 3598), (3, 600)):
        quota = told(headers(str(left), NOW), 1000.0 + passed, 1000.2 + passed, memory)
    assert quota.reset == pytest.approx((598.8, 601.0))


def test_buckets_are_remembered_apart_and_not_without_end() -> None:
    memory = ResetMemory()
    for number in range(10 * MAX_BUCKETS):
        values = headers("60", NOW) | {"x-ratelimit-resource": f"bucket {number}"}
        assert told(values, 1000.0, 1000.0, memory).bucket == f"bucket {number}"
    assert len(memory._tracks) == MAX_BUCKETS


STEPS = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=12)
"""Of each answer: the pause before it, the time it took, and at what part of that it was made."""


@given(
    st.sampled_from(sorted(ENCODINGS)),
    st.sampled_from(sorted(ROUNDINGS)),
    st.floats(1, 100),
    st.floats(-3600, 3600),
    st.floats(0, 1),
    STEPS,
)
def test_a_window_never_ends_after_the_latest(
    encoding: str, rounding: str, lasts: float, skew: float, fraction: float, steps: list[tuple[float, float, float]]
) -> None:
    """Nor before the earliest, but for a moment that was rounded up."""
    memory, write, cut = ResetMemory(), ENCODINGS[encoding], ROUNDINGS[rounding]
    ours = 1000.0
    ends = ours + lasts
    to_server = NOW + fraction + skew - ours
    remaining = 1000
    for pause, took, part in steps:
        sent = ours + pause
        ours = sent + took
        made = sent + part * took
        if made >= ends:
            break
        remaining -= 1
        values = headers(write(ends + to_server, made + to_server, cut), made + to_server, remaining, 1000)
        reset = told(values, sent, ours, memory).reset
        assert reset
        assert ends - ours <= reset[1] + EPSILON
        slack = 0.0 if encoding in (*AMBIGUOUS, "Go duration") else 1.0
        assert reset[0] == 0 or reset[0] <= ends - ours + slack + EPSILON


@given(st.sampled_from(sorted(ROUNDINGS)), st.integers(1, 10), st.floats(1, 60), STEPS)
def test_a_slot_of_a_sliding_log_never_frees_after_the_latest(
    rounding: str, limit: int, window: float, steps: list[tuple[float, float, float]]
) -> None:
    memory, cut = ResetMemory(), ROUNDINGS[rounding]
    ours = 1000.0
    log: list[float] = []
    for pause, took, part in steps:
        sent = ours + pause
        ours = sent + took
        made = sent + part * took
        log = [one for one in log if one > made - window]
        if len(log) < limit:
            log.append(made)
        frees = log[0] + window
        values = headers(f"{cut(frees - made):.0f}", NOW, limit - len(log), limit)
        reset = told(values, sent, ours, memory).reset
        assert reset
        assert frees - ours <= reset[1] + EPSILON
