"""What the headers of an answer say about the budget, held to a table of every dialect and to hostile values."""

import math
import sys
import tomllib
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.headers import MAX_QUOTAS, quotas, retry_after
from datasync.limits.quota import Quota
from datasync.limits.values import FOREVER, MAX_VALUE

TABLE = tomllib.loads((Path(__file__).parent.parent / "data" / "rate_limit_headers.toml").read_text())["answer"]
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
NOW = 1445412480.0


def read(headers: dict[str, str], *, wall: float = NOW) -> list[Quota]:
    """Read headers that came at `DATE` in no time."""
    return quotas({"date": DATE} | headers, sent=1000.0, received=1000.0, wall=wall)


def expected(row: dict[str, Any]) -> Quota:
    row = dict(row)
    left, step = row.pop("left", None), row.pop("step", 1.0)
    earliest = row.pop("earliest", None if left is None else max(0.0, left - step))
    reset = None if left is None else (earliest, left + step)
    return msgspec.convert(row | {"reset": reset}, Quota)


def rounded(quota: Quota) -> Quota:
    reset = quota.reset and (round(quota.reset[0], 6), round(quota.reset[1], 6))
    return msgspec.structs.replace(quota, reset=reset)


@pytest.mark.parametrize("answer", TABLE, ids=[answer["name"] for answer in TABLE])
def test_every_dialect_says_what_the_table_says(answer: dict[str, Any]) -> None:
    assert [rounded(quota) for quota in read(answer["headers"])] == [
        rounded(expected(quota)) for quota in answer["quotas"]
    ]
    assert retry_after({"date": DATE} | answer["headers"], wall=NOW) == answer.get("retry_after")


def test_every_dialect_is_in_the_table() -> None:
    # Row 8 has its numbers in the body: test_rate_limit_refusals.py.
    assert {answer.get("row") for answer in TABLE} - {None} == set(range(1, 33)) - {8}


@pytest.mark.fault(63)
@pytest.mark.parametrize("answer", TABLE, ids=[answer["name"] for answer in TABLE])
@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_our_wall_clock_changes_nothing_where_the_answer_has_a_date(answer: dict[str, Any], skew: float) -> None:
    assert read(answer["headers"], wall=NOW + skew) == read(answer["headers"])
    assert retry_after({"date": DATE} | answer["headers"], wall=NOW + skew) == answer.get("retry_after")


@pytest.mark.fault(31)
def test_without_a_date_a_moment_goes_by_our_clock_and_is_uncertain() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1445412510"}
    [quota] = quotas(headers, sent=0.0, received=0.0, wall=NOW)
    assert quota.reset == (29.0, 31.0)
    assert not quota.certain


@pytest.mark.fault(31)
@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "0"])
def test_a_date_that_cant_be_read_is_none(date: str) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1445412510", "date": date}
    [quota] = quotas(headers, sent=0.0, received=0.0, wall=NOW)
    assert quota.reset == (29.0, 31.0)


def test_the_time_on_the_way_widens_a_reset_towards_now_only() -> None:
    headers = {"ratelimit-remaining": "0", "ratelimit-reset": "30"}
    [quota] = quotas(headers, sent=99.5, received=100.0, wall=0.0)
    assert quota.reset == (28.5, 31.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("28", 28.0),
        ("2.0", 2.0),
        ("0.35", 0.35),
        ("0", 0.0),
        ("-1", 0.0),
        ("soon", None),
        ("", None),
        (" ", None),
        ("1e9", None),
        ("1_0", None),
        ("٣٠", None),
        ("NaN", None),
        ("inf", None),
        ("999999", 999999.0),
        ("1000000000", None),
        ("9223372036854775808", None),
        ("12s", 12.0),
        ("PT1M30S", 90.0),
        ("P1Y", None),
        ("1445412510", 30.0),
        ("1445412510000", 30.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wednesday, 21-Oct-15 07:28:30 GMT", 30.0),
        ("Wed Oct 21 07:28:30 2015", 30.0),
        ("2015-10-21T07:28:30Z", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("Thu, 21 Oct 2015 07:28:30 GMT", None),
        ("5, 60, 7", 60.0),
        ("5, Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
    ],
)
def test_retry_after_is_read_in_every_form(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value, "date": DATE}, wall=0.0) == seconds


def test_of_several_waits_the_longest_counts() -> None:
    assert retry_after({"retry-after-ms": "2500"}, wall=0.0) == 2.5
    assert retry_after({"retry-after-ms": "999999999999999999"}, wall=0.0) is None
    assert retry_after({"retry-after-ms": "2500", "retry-after": "3"}, wall=0.0) == 3.0
    assert retry_after({"x-ratelimit-retry-after": "9", "retry-after": "3"}, wall=0.0) == 9.0


NAMES = sorted({name for answer in TABLE for name in answer["headers"]} | {"date", "age", "x-cache", "retry-after-ms"})
VALUES = sorted({value for answer in TABLE for value in answer["headers"].values()})
HOSTILE = [
    *("1000000000000", "1e12", "-5", "NaN", "inf", "-inf", "1e308", "1e999", "9223372036854775808", "1000000000"),
    *("999999999999999999", "0.000000000000000001", "99999999999999999d", "P999999999D", "0x10", "1_0", "٣٠"),
    *("\ud800", "\x00", ""),
    "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
    "Mon, 15 Jan 2024 10:00:00 +99999999999999",
    *(", ".join([line] * 200) for line in ("5", '"a";r=1;t=1', "10;w=60", "60:a;b:c")),
    *('"a";r=@99999999999999;t=%"%ff"', '"a";r=5;t=1e5', "(1 2);w=5"),
    *(bit * (8000 // len(bit)) for bit in ('"', "a=1/1;", "1:a;", "Wed,", "1,")),
    *(bit * 90_000 for bit in ("9", "a", ";", "1,")),
]
ANSWERS = st.dictionaries(
    st.sampled_from(NAMES) | st.sampled_from(NAMES).map(lambda name: name.removeprefix("x-")) | st.text(),
    st.sampled_from(VALUES) | st.sampled_from(HOSTILE) | st.text() | st.integers().map(str) | st.floats().map(str),
)


@given(ANSWERS, st.floats(0, 1e9), st.floats(0, 100), st.floats(0, 4e9))
def test_no_answer_raises_or_says_anything_but_sane_numbers(
    headers: dict[str, str], sent: float, took: float, wall: float
) -> None:
    found = quotas(headers, sent=sent, received=sent + took, wall=wall)
    assert len(found) <= MAX_QUOTAS
    for quota in found:
        for number in (quota.limit, quota.remaining, quota.window, quota.rate, *(quota.reset or ())):
            assert number is None or (math.isfinite(number) and number >= 0)
        assert quota.limit is None or quota.remaining is None or quota.remaining <= quota.limit
        if quota.reset:
            assert quota.reset[0] <= quota.reset[1] <= FOREVER + 60
    wait = retry_after(headers, wall=wall)
    assert wait is None or 0 <= wait <= FOREVER


def steps(headers: dict[str, str]) -> int:
    """How many lines run while the headers are read."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        quotas(headers, sent=0.0, received=0.0, wall=0.0)
        retry_after(headers, wall=0.0)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "name", ["ratelimit", "ratelimit-limit", "retry-after", "x-sentry-rate-limits", "zendesk-ratelimit-a"]
)
@pytest.mark.parametrize("bit", ["1,", "a", "a=1;", '"a";r=1,', "Wed,", "1h", "1/2 ", ";", "p", "a-", "1:a;"])
def test_a_value_takes_no_more_steps_than_it_has_characters(name: str, bit: str) -> None:
    """Counted in lines of Python that run, not in time. What is longer than the limit isn't read at all."""
    short, long = (steps({name: bit * (size // len(bit))}) for size in (MAX_VALUE // 4, MAX_VALUE))
    assert long <= 5 * short + 100
    assert steps({name: bit * 90_000}) < 500
