"""A timestamp is right or refused: `normalize_timestamp` and the encoder, held to a table and to the reference."""

import json
import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datasync
from datasync import TimestampPolicy, TimestampRefused, normalize_timestamp, normalize_timestamps
from datasync._native import PageEncoder, PlanError
from datasync.model import Column, EncoderPlan
from datasync.timestamps import NULL
from tests import reference_timestamp as reference

TABLE = tomllib.loads((Path(__file__).parent.parent / "data" / "timestamps.toml").read_text())
NOW_US = 1_767_225_600_000_000
C = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def value_of(case: dict[str, Any]) -> str:
    """The JSON text of a case."""
    if "json" in case:
        return str(case["json"])
    start, middle, count, end = case["json_repeat"]
    return str(start + middle * count + end)


ALL = [(group["name"], case) for group in TABLE["group"] for case in group["cases"]]


def encoded(text: str, policy: TimestampPolicy, now_us: int = NOW_US) -> reference.Answer:
    """What the encoder makes of a JSON value."""
    plan = EncoderPlan("data", (Column("at", "at", "timestamptz", timestamp=policy),))
    found = PageEncoder(msgspec.json.encode(plan)).extract([f'{{"at":{text}}}'.encode()], now_us=now_us)
    if found.rejects:
        return reference.Answer(refused=found.rejects[0].code)
    [(micros,)] = found.rows
    names = set(found.timestamps.get("at", {}))
    units = {"text", "s", "ms", "us", "ns", "other"}
    assert micros is None or isinstance(micros, int)
    unit = next(iter(names & units)) if names else "text"
    return reference.Answer(micros, unit, frozenset(names - units))


@pytest.mark.fault(22)
@pytest.mark.parametrize(("group", "case"), ALL, ids=[f"{group[:1]}{number}" for number, (group, _) in enumerate(ALL)])
def test_every_row_of_the_table_has_its_answer_everywhere(group: str, case: dict[str, Any]) -> None:
    text, policy = value_of(case), msgspec.convert(case.get("policy", {}), TimestampPolicy)
    if case.get("is") in (None, "null"):
        expected = reference.Answer(refused=case.get("refused"))
    else:
        micros = (datetime.fromisoformat(case["is"]) - EPOCH) // timedelta(microseconds=1)
        expected = reference.Answer(micros, case.get("unit", "text"), frozenset(case.get("flags", ())))
    assert reference.read(text, case.get("policy", {}), NOW_US) == expected
    found = encoded(text, policy)
    # What PostgreSQL can't store anywhere is refused before columns are looked at.
    assert found == expected or found.refused in ("nul_character", "number_out_of_range")
    value = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    instant = None if expected.micros is None else EPOCH + timedelta(microseconds=expected.micros)
    # A dict can't hold a key twice.
    assert outcome(value, policy) == (expected.refused or instant) or text.count('"$date"') == 2


def outcome(value: object, policy: TimestampPolicy | None = None) -> datetime | str | None:
    """What `normalize_timestamp` gives, or the code of its refusal."""
    try:
        found = normalize_timestamp(value, policy, now_us=NOW_US)
    except TimestampRefused as refused:
        return refused.code
    assert found is None or found.tzinfo is UTC
    return found


ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Africa/Casablanca", "+05:30", "-14:00"]
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "unit": st.sampled_from(["auto", "s", "ms", "us", "ns"]),
        "assume_tz": st.sampled_from(ZONES),
        "ambiguous": st.sampled_from(["refuse", "earlier", "later"]),
        "earliest": st.sampled_from(["1900-01-01T00:00:00Z", "2001-01-01T00:00:00Z"]),
        "latest": st.sampled_from(["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]),
        "leap_second": st.sampled_from(["next_second", "clamp", "roll", "refuse"]),
        "end_of_day": st.sampled_from(["accept", "refuse"]),
        "fraction": st.sampled_from(["truncate", "round", "nanoseconds"]),
        "unknown_offset": st.sampled_from(["utc", "refuse"]),
        "lenient": st.booleans(),
        "trim": st.booleans(),
        "sentinels": st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ["empty", "null_text", "zero_date", "year_one", "unix_epoch", "year_9999"],
                st.sampled_from(["keep", "null", "quarantine"]),
            ),
        ),
    },
)
DIGITS = "0123456789"
DATES = st.from_regex(
    r"(20|19|00|99)[0-9]{2}-?([01][0-9]-?[0-3][0-9]|W[0-5][0-9]-?[1-8]|[0-3][0-9]{2})", fullmatch=True
)
CLOCKS = st.from_regex(r"[012][0-9](:?[0-6][0-9](:?[0-6][0-9]([.,][0-9]{1,32})?)?)?", fullmatch=True)
SUFFIXES = st.one_of(
    st.sampled_from(
        ["", "Z", "z", " Z", "UTC", " UTC", "EST", "[UTC]", "Z[Europe/Paris]", " Europe/Paris", "[u-ca=x]"]
    ),
    st.sampled_from(
        ["+01:00[Europe/Paris]", "+02:00[Europe/Paris]", "-05:00[!America/New_York]", "-00:00", "\u221201"]
    ),
    st.from_regex(r"[+-][012][0-9](:?[0-6][0-9](:[0-6][0-9])?)?", fullmatch=True),
)
ASCII = st.characters(codec="ascii")
ISO = st.tuples(DATES, st.sampled_from("Tt _"), CLOCKS, SUFFIXES).map("".join)
MAIL = st.from_regex(
    r"((Mon|Tue|Monday|foo), )?[0-3]?[0-9] (Jan|feb|Dec) (2024|1999|0000) [012][0-9]:[0-6][0-9](:[0-6][0-9])?"
    r"( (GMT|EST|IST|[+-][012][0-9][0-6][0-9]))?( \(x\))?",
    fullmatch=True,
    alphabet=ASCII,
)
VENDORS = st.from_regex(
    r"/Date\(-?[0-9]{1,16}([+-][0-9]{3,5})?\)/"
    r"|[0-3][0-9]/(Jan|Feb)/20[0-9]{2}:[0-9]{2}:[0-6][0-9]:[0-6][0-9] [+-]0[0-9]00",
    fullmatch=True,
    alphabet=ASCII,
)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True, alphabet=ASCII)
EDGES = st.sampled_from(
    ["", "null", "0000-00-00", "0001-01-01", "9999-12-31T23:59:59Z", "0", " 0 ", "2016-12-31T23:59:60Z"]
)
NOWS = st.sampled_from([0, NOW_US, 2**62])


def agree(text: str, policy: dict[str, Any], now_us: int) -> None:
    expected = reference.read(text, policy, now_us)
    assert encoded(text, msgspec.convert(policy, TimestampPolicy), now_us) == expected


@pytest.mark.fault(22)
@given(ISO | MAIL | VENDORS | NUMBERS | EDGES, POLICIES, NOWS)
def test_text_is_read_or_refused_as_by_the_reference(text: str, policy: dict[str, Any], now_us: int) -> None:
    agree(json.dumps(text), policy, now_us)


@pytest.mark.fault(22)
@given(NUMBERS, POLICIES, NOWS)
def test_numbers_are_read_or_refused_as_by_the_reference(text: str, policy: dict[str, Any], now_us: int) -> None:
    agree(text, policy, now_us)


@given(
    NUMBERS,
    st.sampled_from(["filetime", "dotnet_ticks", "webkit", "cocoa", "gps", "excel", "julian", "snowflake", "discord"]),
    st.sampled_from(["truncate", "round"]),
)
def test_declared_counts_are_read_or_refused_as_by_the_reference(text: str, form: str, fraction: str) -> None:
    agree(text, {"form": form, "fraction": fraction, "assume_tz": "Europe/Paris"}, NOW_US)


@given(st.text(max_size=70).filter(lambda text: "\x00" not in text), POLICIES)
def test_everything_else_is_refused_as_by_the_reference(text: str, policy: dict[str, Any]) -> None:
    agree(json.dumps(text), policy, NOW_US)


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 - the zone comes next
    st.integers(-14 * 60, 14 * 60),
)
def test_every_instant_of_datetime_is_read_in_every_zone(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert normalize_timestamp(moment.isoformat()) == moment
    assert normalize_timestamp(moment) == moment


def test_a_list_gives_what_its_values_give_one_by_one() -> None:
    values = [
        json.loads(value_of(case), parse_float=Decimal, parse_int=Decimal) for _, case in ALL if "policy" not in case
    ]
    values += [None, 1705314600.5, 10**30]
    many = normalize_timestamps(values, now_us=NOW_US)
    assert len(many) == len(values)
    found = [outcome(value) for value in values]
    one_by_one = [None if isinstance(moment, str) else moment for moment in found]
    assert many.to_list() == one_by_one
    assert many.refused == [(index, code) for index, code in enumerate(found) if isinstance(code, str)]
    assert [micros == NULL for micros in many.micros] == [moment is None for moment in one_by_one]
    assert sum(many.tally[unit] for unit in ("text", "s", "ms", "us", "ns", "other")) == sum(map(bool, one_by_one))
    assert normalize_timestamps(tuple(values), now_us=NOW_US).to_list() == one_by_one


def test_the_microseconds_of_a_list_are_read_in_place() -> None:
    micros = normalize_timestamps(["2024-01-15T10:30:00Z", None, "soon"]).micros
    assert (micros.format, micros.itemsize, micros.readonly) == ("q", 8, True)
    assert micros.tolist() == [1_705_314_600_000_000, NULL, NULL]


def test_python_values_mean_what_their_json_means() -> None:
    class Text(str):
        __slots__ = ()

    for value in (
        "1705314600",
        Text("2024-01-15T10:30:00Z"),
        1705314600,
        1705314600.0,
        Decimal("1705314600.000"),
        {"$date": {"$numberLong": "1705314600000"}},
        {"seconds": 1705314600},
        C,
        C.astimezone(timezone(timedelta(hours=-5))),
    ):
        assert normalize_timestamp(value) == C
    assert normalize_timestamp(None) is None
    assert normalize_timestamp(C.replace(tzinfo=None), TimestampPolicy(assume_tz="UTC")) == C
    with pytest.raises(TimestampRefused, match="timestamp_no_zone"):
        normalize_timestamp(C.replace(tzinfo=None))
    with pytest.raises(TimestampRefused, match="timestamp_date_only"):
        normalize_timestamp(date(2024, 1, 15))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.705314600123456e18, "timestamp_inexact"),
        (-(2.0**53), "timestamp_inexact"),
        (float("nan"), "timestamp_invalid"),
        (float("inf"), "timestamp_invalid"),
        (10**5000, "timestamp_too_long"),
        ("\ud800", "timestamp_invalid"),
        (True, "type_mismatch"),
        ((2024, 1, 15), "type_mismatch"),
    ],
    ids=["float", "negative float", "nan", "infinity", "long", "surrogate", "boolean", "tuple"],
)
def test_python_values_that_json_cannot_hold_exactly_are_refused(value: object, code: str) -> None:
    with pytest.raises(TimestampRefused) as caught:
        normalize_timestamp(value)
    assert caught.value.code == code
    assert "hint:" in str(caught.value)


def test_other_python_values_are_an_error_of_the_caller() -> None:
    for value in (b"2024-01-15T10:30:00Z", object(), {1, 2}):
        with pytest.raises(TypeError):
            normalize_timestamp(value)
        with pytest.raises(TypeError):
            normalize_timestamps([value])


def test_a_policy_that_makes_no_sense_is_refused_when_it_is_used() -> None:
    with pytest.raises(PlanError, match="assume_tz"):
        normalize_timestamp("2024-01-15", TimestampPolicy(date_only="midnight"))
    with pytest.raises(PlanError, match="Area/City"):
        normalize_timestamp("2024-01-15", TimestampPolicy(assume_tz="EST"))


def test_the_package_offers_it() -> None:
    assert {"normalize_timestamp", "normalize_timestamps", "TimestampPolicy"} <= set(datasync.__all__)
