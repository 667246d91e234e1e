"""Timestamps by regular expressions, Python's datetime and exact fractions. Part of `tests.reference`.

The rules are those of `datasync.TimestampPolicy`; `tests/data/timestamps.toml` has examples of each.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias

from tests import reference_instant as instants
from tests import reference_text as texts
from tests.reference_instant import DAY_US, SECOND_US, Written, days
from tests.reference_json import NUMBER
from tests.reference_zone import EPOCH, Refused, is_offset, local_offset

EARLIEST_US = -62_135_596_800_000_000
LATEST_US = 253_402_300_799_999_999
PLAUSIBLE_US = 946_684_800_000_000
UNITS = {"s": Fraction(1_000_000), "ms": Fraction(1000), "us": Fraction(1), "ns": Fraction(1, 1000)}
TWITTER_MS, DISCORD_MS = 1_288_834_974_657, 1_420_070_400_000
LEAPS = (
    "1981-7 1982-7 1983-7 1985-7 1988-1 1990-1 1991-1 1992-7 1993-7 1994-7 1996-1 1997-7 1999-1 2006-1 2009-1 2012-7"
)
LEAP_DAYS = [
    days(int(year), int(month), 1) for year, month in (day.split("-") for day in f"{LEAPS} 2015-7 2017-1".split())
]
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Policy: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """An instant in microseconds, None for NULL, or the code of a refusal."""

    micros: int | None = None
    unit: str = "text"
    flags: frozenset[str] = frozenset()
    refused: str | None = None


class Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


def read(raw: bytes | str, policy: Policy, now_us: int) -> Answer:
    """What the JSON value `raw`, which isn't null, means."""
    value = json.loads(raw, parse_int=Number, parse_float=Number, object_pairs_hook=list)
    try:
        return _read(value, raw.strip()[:1] in (b"{", "{"), policy, now_us)
    except Refused as refused:
        return Answer(refused=refused.code)


def _read(value: Any, is_object: bool, policy: Policy, now_us: int) -> Answer:
    form = policy.get("form", "auto")
    if isinstance(value, bool):
        if not _sentinel(policy, "boolean"):
            _refuse("type_mismatch")
        return Answer()
    if isinstance(value, list):
        if form == "jackson" and not is_object:
            return _jackson(value, policy)
        if form != "auto" or not is_object:
            _refuse("type_mismatch" if form == "auto" else "timestamp_invalid")
        return _object(value, policy, now_us)
    text, flags = str(value), set[str]()
    if policy.get("trim") and not isinstance(value, Number):
        text = text.strip(" \t\n\r\f")
        flags = {"trimmed"} if text != value else set()
    if len(text.encode("utf-8", "surrogatepass")) > 64:
        _refuse("timestamp_too_long")
    if not isinstance(value, Number):
        named = {"": "empty", "null": "null_text"}.get(text.lower()) or (
            "zero_date" if text[:10] == "0000-00-00" else ""
        )
        if named and _sentinel(policy, named):
            return Answer()
    answer = _declared(text, form, policy, now_us)
    return Answer(answer.micros, answer.unit, answer.flags | flags) if answer.micros is not None else answer


def _declared(text: str, form: str, policy: Policy, now_us: int) -> Answer:  # noqa: C901, PLR0911 - one step per form
    if form == "auto":
        if NUMBER.fullmatch(text):
            return _epoch(text, policy, now_us)
        if found := re.fullmatch(r"(\\?/)Date\((.[^+-]*)([+-].*)?\)\1", text, re.DOTALL):
            if found[3] is not None and not is_offset(found[3], r"[+-]\d{4}"):
                _refuse("timestamp_bad_offset")
            return (
                _count(found[2], UNITS["ms"], 0, policy, "other")
                if re.fullmatch("-?(0|[1-9][0-9]*)", found[2])
                else _invalid()
            )
        return _local(texts.any_text(text, policy, now_us), policy)
    if form == "http":
        return _local(texts.mail(text, policy, now_us) or _invalid(), policy)
    if form == "oracle":
        return _local(texts.oracle(text, policy), policy)
    if form in ("objectid", "ulid", "uuidv7", "snowflake", "discord"):
        return _settle(_identifier(text, form), "other", set(), policy)
    if form == "julian" and re.fullmatch(r"[Jj][0-9]{1,7}", text):
        return _local(Written(int(text[1:]) - 2_440_588, None, None, set()), policy)
    if form == "jackson" or not NUMBER.fullmatch(text):
        _refuse("timestamp_invalid")
    starts = {"filetime": days(1601, 1, 1), "dotnet_ticks": days(1, 1, 1), "webkit": days(1601, 1, 1)}
    starts |= {"cocoa": days(2001, 1, 1), "gps": days(1980, 1, 6), "excel": days(1899, 12, 30)}
    unit = {"filetime": Fraction(1, 10), "dotnet_ticks": Fraction(1, 10), "webkit": Fraction(1)}
    unit |= {"cocoa": UNITS["s"], "gps": UNITS["s"], "excel": Fraction(DAY_US), "julian": Fraction(DAY_US)}
    start = -(2_440_587 * DAY_US + DAY_US // 2) if form == "julian" else starts[form] * DAY_US
    if form in ("excel", "gps"):
        flags: set[str] = set()
        count = _whole(_exact(text) * unit[form], policy, flags)
        return _excel(count, start, flags, policy) if form == "excel" else _gps(count, start, flags, policy)
    return _count(text, unit[form], start, policy, "other")


def _epoch(text: str, policy: Policy, now_us: int) -> Answer:
    unit = policy.get("unit", "auto")
    if unit != "auto":
        return _count(text, UNITS[unit], 0, policy, unit)
    low = max(PLAUSIBLE_US, _bound(policy, "earliest", EARLIEST_US))
    high = min(now_us + DAY_US, _bound(policy, "latest", LATEST_US))
    number = _exact(text)
    found = []
    for name, size in UNITS.items():
        flags: set[str] = set()
        micros = _whole(number * size, policy, flags)
        if low <= micros <= high:
            found.append(_settle(micros, name, flags, policy))
    if not found and number == 0 and _sentinel(policy, "unix_epoch"):
        return Answer()
    if len(found) != 1:
        _refuse("timestamp_unit_unclear")
    return found[0]


def _count(text: str, size: Fraction, start: int, policy: Policy, unit: str) -> Answer:
    flags: set[str] = set()
    return _settle(_whole(_exact(text) * size, policy, flags) + start, unit, flags, policy)


def _exact(text: str) -> Fraction:
    """The number, or one on the same side of every bound."""
    found = re.fullmatch(r"(.*?)[eE]([+-]?[0-9]+)", text)
    exponent = int(found[2]) if found else 0
    return Fraction(found[1] if found else text) * Fraction(10) ** max(-500, min(500, exponent))


def _whole(number: Fraction, policy: Policy, flags: set[str]) -> int:
    if number.denominator != 1:
        flags.add("sub_us_dropped")
    return math.floor(number + Fraction(1, 2) if policy.get("fraction") == "round" else number)


def _excel(count: int, start: int, flags: set[str], policy: Policy) -> Answer:
    if count < 61 * DAY_US or count + start >= days(9999, 12, 31) * DAY_US + DAY_US:
        _refuse("timestamp_out_of_range")
    second, micros = divmod(count + start, SECOND_US)
    offset = local_offset(policy["assume_tz"], second, policy)
    return _settle((second - offset) * SECOND_US + micros, "other", flags | {"zone_assumed"}, policy)


def _gps(count: int, start: int, flags: set[str], policy: Policy) -> Answer:
    if count < 0:
        _refuse("timestamp_out_of_range")
    passed = 0
    for day in LEAP_DAYS:
        passed += count + start - (passed + 1) * SECOND_US >= day * DAY_US
    return _settle(count + start - passed * SECOND_US, "other", flags, policy)


def _identifier(text: str, form: str) -> int:
    if form == "objectid" and re.fullmatch("[0-9a-fA-F]{24}", text):
        return int(text[:8], 16) * SECOND_US
    if form == "ulid" and re.fullmatch(f"[0-7][{CROCKFORD}]{{25}}", text, re.IGNORECASE | re.ASCII):
        return sum(CROCKFORD.index(char) << 5 * place for place, char in enumerate(reversed(text[:10].upper()))) * 1000
    if form == "uuidv7":
        digits = text.strip("{}").replace("-", "")
        if re.fullmatch("[0-9a-fA-F]{12}7[0-9a-fA-F]{3}[89abAB][0-9a-fA-F]{15}", digits):
            return int(digits[:12], 16) * 1000
    number = _exact(text) if form in ("snowflake", "discord") and NUMBER.fullmatch(text) else Fraction(0)
    if number.denominator != 1 or not 0 < number < 2**63:
        _refuse("timestamp_invalid")
    return ((int(number) >> 22) + (TWITTER_MS if form == "snowflake" else DISCORD_MS)) * 1000


def _object(members: list[tuple[str, Any]], policy: Policy, now_us: int) -> Answer:
    keys = sorted(key for key, _ in members)
    values = dict(members)
    if keys == ["$date"]:
        date = values["$date"]
        if isinstance(date, str) and not isinstance(date, Number):
            return _read(date, False, policy, now_us)
        match date:
            case [("$numberLong", str() as long)]:
                date = None if isinstance(long, Number) else long
        if isinstance(date, str) and len(date.encode()) > 64:
            _refuse("timestamp_too_long")
        if not isinstance(date, str) or not NUMBER.fullmatch(date):
            _refuse("type_mismatch")
        return _count(date, UNITS["ms"], 0, policy, "other")
    seconds = [value for key, value in members if key in ("seconds", "_seconds")]
    nanos = [value for key, value in members if key in ("nanos", "nanoseconds", "_nanoseconds")]
    if len(seconds) != 1 or len(nanos) > 1 or len(members) != len(seconds) + len(nanos):
        _refuse("type_mismatch")
    parts = []
    for value in (seconds[0], *(value for value in nanos if value is not None)):
        if not isinstance(value, str) or not re.fullmatch(r"-?(0|[1-9][0-9]*)", value, re.ASCII):
            _refuse("timestamp_invalid")
        parts.append(int(value))
    if len(parts) > 1 and not 0 <= parts[1] < 10**9:
        _refuse("timestamp_invalid")
    flags: set[str] = set()
    micros = _whole(Fraction(sum(parts[1:]), 1000), policy, flags)
    return _settle(parts[0] * SECOND_US + micros, "other", flags, policy)


def _jackson(items: list[Any], policy: Policy) -> Answer:
    if not 5 <= len(items) <= 7 or not all(
        isinstance(item, Number) and re.fullmatch(r"[0-9]{1,9}", item) for item in items
    ):
        _refuse("timestamp_invalid")
    year, month, day, hour, minute, second, nanos = [*(int(item) for item in items), 0, 0][:7]
    flags = {"reduced_precision"} if len(items) == 5 else set()
    number = instants.calendar(year, month, day)
    return _local(instants.written(number, (hour, minute, second), f"{nanos:09}", None, flags, policy), policy)


def _local(written: Written, policy: Policy) -> Answer:
    micros, flags = instants.instant(written, policy, lambda name: _sentinel(policy, name))
    return Answer() if micros is None else _settle(micros, "text", flags, policy)


def _settle(micros: int, unit: str, flags: set[str], policy: Policy) -> Answer:
    if (name := instants.sentinel_of(micros)) and _sentinel(policy, name):
        return Answer()
    if not _bound(policy, "earliest", EARLIEST_US) <= micros <= _bound(policy, "latest", LATEST_US):
        _refuse("timestamp_out_of_range")
    return Answer(micros, unit, frozenset(flags))


def _bound(policy: Policy, name: str, default: int) -> int:
    text = policy.get(name)
    return default if text is None else (instants.parse_utc(text) - EPOCH) // instants.MICROSECOND


def _sentinel(policy: Policy, name: str) -> bool:
    """Whether the sentinel stands for NULL."""
    treat = policy.get("sentinels", {}).get(name, "keep")
    if treat == "quarantine":
        _refuse("timestamp_sentinel")
    return bool(treat == "null")


def _invalid() -> NoReturn:
    _refuse("timestamp_invalid")


def _refuse(code: str) -> NoReturn:
    raise Refused(code)
