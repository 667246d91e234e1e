"""The small words that rate headers are made of: numbers, and lines that arrive joined by commas."""

import re
from collections.abc import Iterator

MAX_VALUE = 8192
"""Characters of a header's value; what is longer says nothing."""

FOREVER = 2.0**31
"""Seconds, 68 years. No wait is as long: what claims to be is absent."""

# Not float() alone: it takes `1_0`, `nan`, `1e308` and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})")
_WEEKDAYS = frozenset(
    "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905 - a list of 14 lines says no more
)


def readable(value: str) -> bool:
    """Say whether a value is worth reading: short, and without the digits of other scripts."""
    return len(value) <= MAX_VALUE and value.isascii()


def number(text: str) -> float | None:
    """Read a plain number. Below zero is zero; None is no number, or one of more than 18 digits."""
    text = text.strip()
    return max(0.0, float(text)) if _NUMBER.fullmatch(text) else None


def numbers(value: str) -> list[float]:
    """Read every number of a value that may be several lines joined; the rest is skipped."""
    return [found for text in value.split(",") if (found := number(text)) is not None]


def lines(value: str) -> Iterator[str]:
    """Take joined lines apart, but leave the comma of an HTTP date where it is."""
    weekday = ""
    for part in value.split(","):
        if part.strip().lower() in _WEEKDAYS:
            weekday = part + ","
            continue
        yield (weekday + part).strip()
        weekday = ""
