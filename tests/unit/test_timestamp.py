"""A timestamp is right or refused: the encoder held to Python's datetime. The Rust tests have the whole table."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync._native import PageEncoder
from datasync.model import Column, EncoderPlan
from tests.reference_timestamp import Refused, from_number, from_text

NOW_US = 1_769_600_000_000_000
C_US = 1_705_314_600_000_000  # 2024-01-15T10:30:00Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENCODER = PageEncoder(msgspec.json.encode(EncoderPlan("data", (Column("at", "at", "timestamptz"),))))


def native(value: bytes, now_us: int = NOW_US) -> int | str:
    """The instant, or the code, that the encoder gives for a JSON value."""
    found = ENCODER.extract([b'{"at":' + value + b"}"], now_us=now_us)
    if found.rejects:
        return found.rejects[0].code
    [(micros,)] = found.rows
    assert isinstance(micros, int)
    return micros


def expected(text: str, *, number: bool = False, now_us: int = NOW_US) -> int | str:
    """The instant, or the code, that the reference gives."""
    try:
        return from_number(text, now_us) if number else from_text(text, now_us)
    except Refused as refused:
        return refused.code


def both(text: str) -> int | str:
    """What encoder and reference agree on for a string."""
    found = native(msgspec.json.encode(text))
    assert found == expected(text)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15T10:30:00Z",
        "2024-01-15t10:30:00z",
        "2024-01-15 10:30Z",
        "2024-01-15T16:00:00+05:30",
        "2024-01-15T16:00:00+0530",
        "2024-01-15T15:30:00+05",
        "2024-01-15T10:30:00-00:00",
        "2024-01-16T00:30:00+14:00",
        "2024-01-14T22:30:00-12:00",
        "1705314600",
        "1705314600000",
        "1705314600000000",
        "1705314600000000000",
        "1.7053146e9",
        "1.7053146E+12",
    ],
)
def test_one_instant_has_many_spellings(text: str) -> None:
    assert both(text) == C_US


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2024-01-15T10:30:00.1234569Z", C_US + 123_456),
        ("2024-01-15T10:30:00,123Z", C_US + 123_000),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("1705314600.1234569", C_US + 123_456),
        ("1705314600123.4", C_US + 123_400),
        ("2024-01-15T24:00:00Z", C_US + 48_600_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("2017-01-01T09:59:60+10:00", 1_483_228_800_000_000),
    ],
)
def test_what_is_finer_than_microseconds_is_cut_and_the_ends_of_days_are_next_days(text: str, micros: int) -> None:
    assert both(text) == micros


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2024-01-15T10:30:00", "timestamp_no_zone"),
        ("2024-01-15 10:30", "timestamp_no_zone"),
        ("2024-01-15", "timestamp_invalid"),
        ("2024-02-30T10:30:00Z", "timestamp_invalid"),
        ("2023-02-29T10:30:00Z", "timestamp_invalid"),
        ("2024-01-15T10:30:00+16:00", "timestamp_invalid"),
        ("2024-01-15T10:30:00+5", "timestamp_invalid"),
        ("2024-01-15T24:00:01Z", "timestamp_invalid"),
        ("2016-06-15T12:00:60Z", "timestamp_invalid"),
        ("2024-01-15T10:30:00Z\n", "timestamp_invalid"),
        ("2024-01-15T10:30:00Z; DROP", "timestamp_invalid"),
        ("٢٠٢٤-01-15T10:30:00Z", "timestamp_invalid"),
        ("", "timestamp_invalid"),
        ("now", "timestamp_invalid"),
        ("NaN", "timestamp_invalid"),
        ("9" * 1_000_000, "timestamp_invalid"),
        ("20240115", "timestamp_out_of_range"),
        ("20240115103000", "timestamp_out_of_range"),
        ("1e400", "timestamp_out_of_range"),
        ("-1", "timestamp_out_of_range"),
        ("0000-01-01T00:00:00Z", "timestamp_out_of_range"),
        ("0001-01-01T00:00:00+01:00", "timestamp_out_of_range"),
        ("9999-12-31T23:59:60Z", "timestamp_out_of_range"),
    ],
)
def test_what_is_not_one_known_instant_is_refused(text: str, code: str) -> None:
    assert both(text) == code


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 - the zone comes next
    st.integers(-14 * 60, 14 * 60),
)
def test_every_instant_of_datetime_is_read_in_every_zone(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert both(moment.isoformat()) == (moment - EPOCH) // timedelta(microseconds=1)


@given(st.integers(946_684_800_000_000, NOW_US + 86_400_000_000))
def test_every_plausible_number_is_read_to_the_digit_in_every_unit(micros: int) -> None:
    seconds, rest = divmod(micros, 1_000_000)
    for text in (f"{seconds}.{rest:06}", f"{micros // 1000}.{micros % 1000:03}", f"{micros}", f"{micros}999"):
        assert native(text.encode()) == expected(text, number=True) == micros


@given(
    st.from_regex(
        r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True, alphabet="-.0123456789eE+"
    ),
    st.sampled_from([0, NOW_US, 2**62]),
)
def test_every_number_is_read_as_by_exact_fractions(text: str, now_us: int) -> None:
    assert native(text.encode(), now_us) == expected(text, number=True, now_us=now_us)


@given(
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][012][0-9]:[0-6][0-9](:[0-6][0-9]([.,][0-9]{1,31})?)?"
        r"([Zz]|[+-][012][0-9](:?[0-6][0-9])?)?",
        fullmatch=True,
        alphabet=st.characters(codec="ascii"),
    )
)
def test_everything_that_looks_like_a_timestamp_is_read_or_refused_as_by_datetime(text: str) -> None:
    both(text)


@given(st.text(max_size=70))
def test_everything_else_is_refused_as_by_the_reference(text: str) -> None:
    if "\x00" not in text:
        both(text)
