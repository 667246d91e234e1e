"""A date and a clock into an instant. Part of `tests.reference`."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from tests.reference_zone import EPOCH, Zone, local_offset, offsets_at, refuse

MICROSECOND = timedelta(microseconds=1)
SECOND_US, DAY_US = 1_000_000, 86_400_000_000
SENTINELS = {"0001-01-01": "year_one", "1900-01-01": "year_1900", "1970-01-01": "unix_epoch"}


class Written(NamedTuple):
    """A day since 1970, a clock in seconds since midnight or None, its zone. `leap` for a second 60."""

    day: int
    second: int | None
    zone: Zone | None
    flags: set[str]
    micros: int = 0
    leap: bool = False


def days(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - EPOCH.date()).days


def calendar(year: int, month: int, day: int) -> int:
    """The day; in the year 0 one before all others."""
    if year == 0:
        calendar(2000, month, day)
        return -(10**6)
    try:
        return days(year, month, day)
    except ValueError:
        refuse("timestamp_not_in_calendar")


def parse_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def check(day: int, clock: tuple[int, int, int], fraction: str, policy: Mapping[str, Any]) -> None:
    hour, minute, second = clock
    if hour > 24 or minute > 59 or second > 60:
        refuse("timestamp_not_in_calendar")
    if day == -(10**6):
        refuse("timestamp_out_of_range")
    if hour == 24 and (minute or second or fraction.strip("0") or policy.get("end_of_day") == "refuse"):
        refuse("timestamp_end_of_day")
    if len(fraction) > (9 if policy.get("fraction") == "nanoseconds" else 30):
        refuse("timestamp_fraction")


def written(
    day: int, clock: tuple[int, int, int], fraction: str, zone: Zone | None, flags: set[str], policy: Mapping[str, Any]
) -> Written:
    check(day, clock, fraction, policy)
    hour, minute, second = clock
    micros = int(fraction[:6].ljust(6, "0"))
    below = fraction[6:].rstrip("0")
    if below:
        flags = flags | {"sub_us_dropped"}
    micros += policy.get("fraction") == "round" and below >= "5"
    seconds = hour * 3600 + minute * 60 + min(second, 59)
    return Written(day, seconds, zone, flags, micros, leap=second == 60)


def instant(  # noqa: C901, PLR0912 - one step per rule
    text: Written, policy: Mapping[str, Any], is_null: Callable[[str], bool]
) -> tuple[int | None, set[str]]:
    """Microseconds since 1970 in UTC, None for NULL."""
    flags, zone = set(text.flags), text.zone
    day = text.day * DAY_US
    if text.second is None:
        if text.day == -(10**6):
            refuse("timestamp_out_of_range")
        name = sentinel_of(day + DAY_US - SECOND_US) or sentinel_of(day)
        if name and is_null(name):
            return None, flags
        if policy.get("date_only") != "midnight":
            refuse("timestamp_date_only")
        flags.add("reduced_precision")
    local = day + (text.second or 0) * SECOND_US + text.micros
    if zone is None or (zone.offset is None and zone.name is None):
        if (name := sentinel_of(local)) and is_null(name):
            return None, flags
        if not policy.get("assume_tz"):
            refuse("timestamp_no_zone")
        seconds = local_offset(policy["assume_tz"], local // SECOND_US, policy)
        flags.add("zone_assumed")
    elif zone.offset is None:
        assert zone.name is not None
        seconds = local_offset(zone.name, local // SECOND_US, policy)
        flags.add("zone_rule")
    else:
        seconds = zone.offset
        if not zone.known:
            flags.add("zone_unknown")
            if policy.get("unknown_offset") == "refuse":
                refuse("timestamp_no_zone")
        if (
            zone.name
            and zone.known
            and zone.exact
            and seconds not in offsets_at(zone.name, local // SECOND_US - seconds)
        ):
            refuse("timestamp_zone_mismatch")
    micros = local - seconds * SECOND_US
    if text.leap:
        flags.add("leap_second")
        micros += leap((micros - text.micros) // SECOND_US, policy)
    return micros, flags


def leap(second: int, policy: Mapping[str, Any]) -> int:
    """What to add to a second 60 that stands for `second` 59."""
    how = policy.get("leap_second", "next_second")
    if how in ("clamp", "roll"):
        return SECOND_US if how == "roll" else 0
    days_after, rest = divmod(second + 1, 86_400)
    starts = rest == 0
    if not 0 < days_after + 719_163 < 3_652_060:
        refuse("timestamp_out_of_range" if starts and how == "next_second" else "timestamp_leap_second")
    after = date.fromordinal(days_after + 719_163)
    if how == "refuse" or not starts or (after.month, after.day) not in ((1, 1), (7, 1)):
        refuse("timestamp_leap_second")
    return SECOND_US


def sentinel_of(micros: int) -> str | None:
    """The sentinel that an instant is."""
    for day, name in SENTINELS.items():
        if micros == (parse_utc(day) - EPOCH) // MICROSECOND:
            return name
    last = days(9999, 12, 31) * DAY_US + DAY_US - SECOND_US
    return "year_9999" if last <= micros < last + SECOND_US else None
