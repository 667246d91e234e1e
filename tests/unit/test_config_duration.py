import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.duration import seconds

UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}


@given(st.dictionaries(st.sampled_from(list(UNITS)), st.integers(0, 10**6), min_size=1))
def test_any_text_of_parts_is_their_sum(parts: dict[str, int]) -> None:
    text = "".join(f"{parts[unit]}{unit}" for unit in UNITS if unit in parts)
    assert seconds(text) == pytest.approx(sum(UNITS[unit] * number for unit, number in parts.items()))


@given(st.floats(0, 10**9) | st.integers(0, 10**9))
def test_a_number_is_seconds_and_so_is_its_text(value: float) -> None:
    assert seconds(value) == value
    assert seconds(f"{round(value, 3):.3f}") == pytest.approx(value, abs=0.001)


@pytest.mark.parametrize(
    ("text", "value"), [("15m", 900), ("1h30m", 5400), ("500ms", 0.5), ("1d", 86_400), ("1.5h", 5400), ("inf", 1e999)]
)
def test_common_forms_are_read(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text", ["", " ", "m", "15 m", "30m1h", "1h1h", "-5s", "1w", "5M", "1e3", "nan", "infinity", "\u0665s", "1m\n2s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


@pytest.mark.parametrize("number", [-1, -0.5, float("nan"), True])
def test_numbers_that_are_none_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(number)
