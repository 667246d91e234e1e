"""How long a window is, where only its resets tell."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from datasync.limits.window import LENGTHS, WindowLength, likely


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


def seen(window: WindowLength) -> tuple[float | None, bool]:
    return window.seconds, window.sure


def test_a_window_is_as_long_as_the_longest_reset_seen_and_sure_when_it_was_seen_to_begin() -> None:
    window = WindowLength()
    assert seen(window) == (None, False)
    window.saw((8.0, 9.5), fresh=False)
    assert not seen(window)[1]
    window.saw((59.0, 61.0), fresh=True)
    assert seen(window) == (60, True)
    window.saw((8.0, 9.5), fresh=False)
    assert seen(window) == (60, True)
    window.saw((299.0, 301.0), fresh=False)
    assert seen(window) == (300, False)


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
