"""Dates and clocks in text, form by form. Part of `tests.reference`."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from tests.reference_instant import Written, calendar, check, days, written
from tests.reference_zone import EPOCH, Refused, Zone, mail_zone, offset, refuse, suffix

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MIDDLE = (
    r"(?P<h>\d\d)((?P<colon>:)(?P<m>\d\d)(:(?P<s>\d\d)([.,](?P<f>\d+))?)?"
    r"|(?P<m2>\d\d)((?P<s2>\d\d)([.,](?P<f2>\d+))?)?)?"
)
DATES = (
    r"(?P<y>\d{4})(?P<ext>-)(?P<mo>\d\d)-(?P<d>\d\d)",
    r"(?P<y>\d{4})(?P<ext>-)W(?P<w>\d\d)-(?P<wd>\d)",
    r"(?P<y>\d{4})(?P<ext>-)(?P<o>\d{3})",
    r"(?P<y>\d{4})(?P<ext>)(?P<mo>\d\d)(?P<d>\d\d)",
    r"(?P<y>\d{4})(?P<ext>)W(?P<w>\d\d)(?P<wd>\d)",
    r"(?P<y>\d{4})(?P<ext>)(?P<o>\d{3})",
)


def any_text(text: str, policy: Mapping[str, Any], now_us: int) -> Written:
    """Text in the form that it has by its looks."""
    if found := mail(text, policy, now_us):
        return found
    if found := re.fullmatch(r"(\d\d)/([A-Za-z]{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-].*)", text, re.ASCII):  # type: ignore[assignment]  # another pattern
        if found[2].lower() not in MONTHS:
            refuse("timestamp_invalid")
        day = calendar(int(found[3]), MONTHS.index(found[2].lower()) + 1, int(found[1]))
        parts = (int(found[4]), int(found[5]), int(found[6]))
        check(day, parts, "", policy)
        seconds, flags = offset(found[7])
        return written(day, parts, "", Zone(seconds, known=found[7][0] == "+" or seconds != 0), flags, policy)
    return iso(text, policy)


def iso(text: str, policy: Mapping[str, Any]) -> Written:
    if found := re.match(r"([+-]?)(\d{5,6})-", text, re.ASCII):
        refuse("timestamp_not_in_calendar" if found[1] == "-" and int(found[2]) == 0 else "timestamp_out_of_range")
    for pattern in DATES:
        if found := re.fullmatch(rf"{pattern}(?P<rest>[Tt _].*)?", text, re.ASCII | re.DOTALL):
            break
    else:
        refuse("timestamp_invalid")
    part: dict[str, Any] = {
        name: value if name in ("ext", "rest") else value and int(value) for name, value in found.groupdict().items()
    }
    day = _day(part)
    if part["rest"] is None:
        return Written(_exists(day), None, None, set())
    clock = re.match(MIDDLE + r"(?!\d)", part["rest"][1:], re.ASCII)
    if not clock:
        refuse("timestamp_invalid")
    after = part["rest"][1:][clock.end() :]
    # Behind hours and minutes a colon goes on with the clock; behind four digits, or the seconds, the clock is over.
    if after[:1] in (".", ",") or (after[:1] == ":" and clock["m2"] is None and clock["s"] is None):
        refuse("timestamp_invalid")
    flags: set[str] = set()
    extended = None if clock["m"] is None and clock["m2"] is None else clock["colon"] is not None
    if extended is not None and extended != bool(part["ext"]):
        if not policy.get("lenient"):
            refuse("timestamp_invalid")
        flags.add("lenient")
    second = clock["s"] or clock["s2"]
    if second is None:
        flags.add("reduced_precision")
    parts = (int(clock["h"]), int(clock["m"] or clock["m2"] or 0), int(second or 0))
    fraction = clock["f"] or clock["f2"] or ""
    check(_exists(day), parts, fraction, policy)
    zone, more = suffix(after)
    return written(_exists(day), parts, fraction, zone, flags | more, policy)


def _day(part: Mapping[str, Any]) -> int | None:
    """The day, None if there is none."""
    try:
        if part.get("mo") is not None:
            return calendar(part["y"], part["mo"], part["d"])
        year = part["y"] or 2000
        if part.get("w") is not None:
            day = (date.fromisocalendar(year, part["w"], 1) - EPOCH.date()).days + part["wd"] - 1
            if not 1 <= part["wd"] <= 7:
                return None
        else:
            day = days(year, 1, 1) + part["o"] - 1
            if part["o"] == 0 or part["o"] > days(year, 12, 31) - days(year, 1, 1) + 1:
                return None
    except (ValueError, Refused):
        return None
    return day if part["y"] else -(10**6)


def _exists(day: int | None) -> int:
    if day is None:
        refuse("timestamp_not_in_calendar")
    return day


def mail(text: str, policy: Mapping[str, Any], now_us: int) -> Written | None:
    """A date of mail or HTTP; None if it doesn't look like one."""
    words = r"(?P<clock>\d\d:\d\d(:\d\d)?)( +(?P<zone>[^ ()]+))?( +\([^()]*\))?"
    name = r"((?P<wd>[A-Za-z]+), *)"
    for pattern in (
        rf"{name}?(?P<d>\d\d?) +(?P<mo>[A-Za-z]+) +(?P<y>\d{{4}}) +{words}",
        rf"{name}(?P<d>\d\d)-(?P<mo>[A-Za-z]+)-(?P<yy>\d\d) +{words}",
        r"(?P<wd>[A-Za-z]+) +(?P<mo>[A-Za-z]+) +(?P<d>\d\d?) +(?P<clock>\d\d:\d\d(:\d\d)?) +(?P<ay>\d{4})",
    ):
        if found := re.fullmatch(pattern, text, re.ASCII):
            break
    else:
        return None
    part = found.groupdict()
    weekday = [number for number, day in enumerate(WEEKDAYS) if (part["wd"] or "").lower() in (day, day[:3])]
    if part["mo"].lower() not in MONTHS or (part["wd"] and not weekday):
        return None
    zone, flags = (
        (Zone(0, exact=False), set[str]()) if "ay" in part and policy.get("form") == "http" else (None, set[str]())
    )
    if part.get("zone"):
        zone = mail_zone(part["zone"])
    year = int(part.get("y") or part.get("ay") or 0)
    if part.get("yy"):
        latest = (EPOCH + timedelta(microseconds=now_us)).year + 50
        year = next(year for year in range(latest, latest - 100, -1) if year % 100 == int(part["yy"]))
    day = calendar(year, MONTHS.index(part["mo"].lower()) + 1, int(part["d"]))
    parts = [int(number) for number in part["clock"].split(":")]
    if len(parts) == 2:
        flags.add("reduced_precision")
    out = written(day, (parts[0], parts[1], [*parts, 0][2]), "", zone, flags, policy)
    if weekday and weekday[0] != (day + 3) % 7:
        refuse("timestamp_weekday")
    return out


def oracle(text: str, policy: Mapping[str, Any]) -> Written:
    pattern = r"(\d\d)-([A-Za-z]+)-(\d\d(\d\d)?) (\d\d)\.(\d\d)\.(\d\d)(\.(\d+))? ([AaPp][Mm])( (.*))?"
    found = re.fullmatch(pattern, text, re.ASCII | re.DOTALL)
    if not found or found[2].lower() not in MONTHS:
        refuse("timestamp_invalid")
    year = int(found[3]) if found[4] else int(found[3]) + (2000 if int(found[3]) < 50 else 1900)
    if not 1 <= int(found[5]) <= 12:
        refuse("timestamp_not_in_calendar")
    day = calendar(year, MONTHS.index(found[2].lower()) + 1, int(found[1]))
    hour = int(found[5]) % 12 + (12 if found[10].lower() == "pm" else 0)
    parts = (hour, int(found[6]), int(found[7]))
    check(day, parts, found[9] or "", policy)
    zone, flags = None, set[str]()
    if found[11]:
        seconds, flags = offset(found[12])
        zone = Zone(seconds, known=found[12][0] == "+" or seconds != 0)
    return written(day, parts, found[9] or "", zone, flags, policy)
