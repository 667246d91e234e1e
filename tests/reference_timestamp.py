"""Timestamps by Python's datetime and exact fractions. Part of `tests.reference`."""

import re
from datetime import datetime, timedelta
from fractions import Fraction

from tests.reference_json import NUMBER

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all here is UTC
EARLIEST_US = 946_684_800_000_000
DAY_US = 86_400_000_000
UNITS_US = (Fraction(1_000_000), Fraction(1000), Fraction(1), Fraction(1, 1000))
ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d{1,30}))?)?"
    r"(?P<zone>[Zz]|[+-]\d\d(:?\d\d)?)?",
    re.ASCII,
)


class Refused(Exception):
    """A record is refused, and by which code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def from_text(text: str, now_us: int) -> int:
    """The instant, in microseconds, that a string means."""
    if len(text.encode()) > 64:
        raise Refused("timestamp_invalid")
    if NUMBER.fullmatch(text):
        return from_number(text, now_us)
    found = ISO.fullmatch(text)
    if not found:
        raise Refused("timestamp_invalid")
    parts = found.groupdict()
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"] or 0)
    fraction = parts["fraction"] or ""
    end_of_day = hour == 24 and minute == second == 0 and not fraction.strip("0")
    if not (hour <= 23 or end_of_day) or minute > 59 or second > 60:
        raise Refused("timestamp_invalid")
    day = _day(parts["date"])
    if parts["zone"] is None:
        raise Refused("timestamp_no_zone")
    clock = timedelta(hours=hour, minutes=minute, seconds=min(second, 59)) - _offset(parts["zone"])
    # In integers, as the last second of 9999 has one behind it that datetime can't hold.
    micros = ((day - EPOCH) + clock) // timedelta(microseconds=1)
    if second == 60:
        if not _before_half_year(micros):
            raise Refused("timestamp_invalid")
        micros += 1_000_000
    if not -62_135_596_800_000_000 <= micros <= 253_402_300_799_000_000:
        raise Refused("timestamp_out_of_range")
    return micros + int(fraction[:6].ljust(6, "0"))


def _day(date: str) -> datetime:
    beyond = date.startswith("0000")
    try:
        # The year 4 has the calendar that the year 0 would have.
        day = datetime.fromisoformat(date.replace("0000", "0004", 1) if beyond else date)
    except ValueError:
        raise Refused("timestamp_invalid") from None
    if beyond:
        raise Refused("timestamp_out_of_range")
    return day


def _offset(zone: str) -> timedelta:
    if zone in "Zz":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or offset > timedelta(hours=14):
        raise Refused("timestamp_invalid")
    return -offset if zone[0] == "-" else offset


def _before_half_year(micros: int) -> bool:
    try:
        moment = EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return False
    return (moment.month, moment.day, moment.hour, moment.minute, moment.second) in (
        (6, 30, 23, 59, 59),
        (12, 31, 23, 59, 59),
    )


def from_number(text: str, now_us: int) -> int:
    """The instant, in microseconds, that a number means."""
    if len(text) > 64 or not NUMBER.fullmatch(text):
        raise Refused("timestamp_invalid")
    exponent = re.search(r"[eE](.+)", text)
    if exponent and abs(int(exponent[1])) > 1000:
        raise Refused("timestamp_out_of_range")
    latest = min(now_us + DAY_US, 253_402_300_799_999_999)
    plausible = [micros for unit in UNITS_US if EARLIEST_US <= (micros := Fraction(text) * unit // 1) <= latest]
    if len(plausible) != 1:
        raise Refused("timestamp_out_of_range")
    return plausible[0]
