"""Durations as people write them."""

import math
import re
from typing import Final

HINT: Final = "a duration is a number of seconds, or text like 500ms, 15m, 1h30m or 1d"

_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_UNITS: Final = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_FORM: Final = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in _UNITS), re.ASCII)
_BARE: Final = re.compile(_NUMBER, re.ASCII)


def seconds(value: float | str) -> float:
    """Give the seconds of a duration: a number of them, or text like `1h30m` with the largest unit first.

    `inf` is one, too, for waits without an end.

    Raises:
        ValueError: it is none, or negative.
    """
    found = value if isinstance(value, int | float) else _read(value)
    if isinstance(found, bool) or not found >= 0:
        raise ValueError(f"is no duration: `{value}`")
    return float(found)


def _read(text: str) -> float:
    text = text.strip()
    if text == "inf" or _BARE.fullmatch(text):
        return float(text)
    form = _FORM.fullmatch(text)
    if form is None or not text:
        return math.nan
    return sum(float(part) * unit for part, unit in zip(form.groups(), _UNITS.values(), strict=True) if part)
