"""Zones in text, and what clocks show in them. Part of `tests.reference`."""

import re
import zoneinfo
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, NoReturn

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all here is UTC
MAIL_ZONES = {"GMT": 0, "UT": 0, "UTC": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5}
MAIL_ZONES |= {"MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
OFFSET = r"[+-]\d\d(:\d\d(:\d\d)?|\d\d)?"


class Refused(Exception):
    """A value is refused, and by which code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Zone(NamedTuple):
    """What is written of a zone.

    Its `offset` in seconds, `known` unless it is -00:00, `exact` unless it is just a letter; its `name`.
    """

    offset: int | None
    known: bool = True
    exact: bool = True
    name: str | None = None


def refuse(code: str) -> NoReturn:
    raise Refused(code)


def is_offset(text: str, pattern: str = OFFSET) -> bool:
    parts = [int(part) for part in re.findall(r"\d\d", text)] + [0, 0, 0]
    within = parts[0] * 3600 + parts[1] * 60 + parts[2] <= 14 * 3600
    return bool(re.fullmatch(pattern, text, re.ASCII)) and within and parts[1] < 60 and parts[2] < 60


def offset(text: str, pattern: str = OFFSET) -> tuple[int, set[str]]:
    if not is_offset(text, pattern):
        refuse("timestamp_bad_offset")
    parts = [int(part) for part in re.findall(r"\d\d", text)] + [0, 0]
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2]
    return -seconds if text[0] == "-" else seconds, {"offset_seconds"} if text.count(":") == 2 else set()


def suffix(text: str) -> tuple[Zone | None, set[str]]:
    head, bracket, tail = text.partition("[")
    zone, flags = _head(head)
    if not bracket:
        return zone, flags
    rest, first = bracket + tail, True
    while rest:
        found = re.match(r"\[(!?)([^\]]*)\]", rest, re.DOTALL)
        if not found or ("=" in found[2] and (found[1] or found[2][0] == "=")):
            refuse("timestamp_invalid")
        if "=" not in found[2]:
            if not first or (zone and zone.name):
                refuse("timestamp_invalid")
            if not is_offset(found[2]):
                lookup(found[2])
            zone = (zone or Zone(None))._replace(name=found[2])
        rest, first = rest[found.end() :], False
    return zone, flags


def _head(head: str) -> tuple[Zone | None, set[str]]:
    if not head:
        return None, set()
    if head[0] == " " and "/" in head:
        if not re.fullmatch(r"[A-Za-z0-9/_+-]+", head[1:], re.ASCII):
            refuse("timestamp_invalid")
        lookup(head[1:])
        return Zone(None, name=head[1:]), set()
    head = (
        head.removeprefix(" ").replace("\u2212", "-", 1) if head.strip(" ")[:1] == "\u2212" else head.removeprefix(" ")
    )
    if head in ("Z", "z", "UTC", "GMT"):
        return Zone(0, exact=False), set()
    if head[:1] in ("+", "-") and head:
        seconds, flags = offset(head)
        return Zone(seconds, known=head[0] == "+" or seconds != 0), flags
    refuse("timestamp_unknown_zone" if re.fullmatch("[A-Za-z]+", head) else "timestamp_invalid")


def mail_zone(text: str) -> Zone:
    if text[0] in "+-":
        seconds, _ = offset(text, r"[+-]\d{4}")
        return Zone(seconds, known=text[0] == "+" or seconds != 0)
    if text.upper() not in MAIL_ZONES:
        refuse("timestamp_unknown_zone" if text.isalpha() and text.isascii() else "timestamp_invalid")
    return Zone(MAIL_ZONES[text.upper()] * 3600, exact=False)


def lookup(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone; None for UTC."""
    if name in ("UTC", "GMT"):
        return None
    try:
        if "/" in name:
            return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    refuse("timestamp_unknown_zone")


def offsets_at(name: str, utc: int) -> set[int]:
    """Seconds east of UTC at an instant."""
    if is_offset(name):
        return {offset(name)[0]}
    zone = lookup(name)
    if zone is None:
        return {0}
    moment = EPOCH + timedelta(seconds=max(-62_135_500_000, min(utc, 253_402_200_000)))
    local = moment.replace(tzinfo=zoneinfo.ZoneInfo("UTC")).astimezone(zone)
    shift = local.utcoffset()
    assert shift is not None
    return {int(shift.total_seconds())}


def local_offset(name: str, local: int, policy: Mapping[str, Any]) -> int:
    """Seconds east of UTC when the zone's clocks show `local`."""
    if is_offset(name) or lookup(name) is None:
        return next(iter(offsets_at(name, 0)))
    # Every offset that the zone has within two days, if it leads back to the same clock.
    near = {shift for hours in range(-48, 49) for shift in offsets_at(name, local + hours * 3600)}
    fits = sorted(shift for shift in near if shift in offsets_at(name, local - shift))
    if not fits:
        refuse("timestamp_gap")
    if len(fits) > 1 and policy.get("ambiguous", "refuse") == "refuse":
        refuse("timestamp_ambiguous")
    return fits[0] if policy.get("ambiguous") == "later" else fits[-1]
