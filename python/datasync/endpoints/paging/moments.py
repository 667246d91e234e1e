"""Moments as parameters. All in microseconds since 1970 UTC."""

from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

Format: TypeAlias = Literal["iso", "s", "ms", "date"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"iso": 1, "ms": 1000, "s": 1_000_000, "date": 86_400_000_000}
_STEPS = {"iso": 1000, "ms": 1000, "s": 1_000_000, "date": 86_400_000_000}


def written(us: int, form: Format, *, up: bool = False) -> str | int:
    """Write a moment; what the format can't hold is cut off, or with `up` made up to the next that it can."""
    unit = _UNITS[form]
    whole = (-(-us // unit) if up else us // unit) * unit
    if form in ("s", "ms"):
        return whole // unit
    when = _EPOCH + timedelta(microseconds=whole)
    if form == "date":
        return when.date().isoformat()
    precision = "seconds" if whole % 1_000_000 == 0 else "milliseconds" if whole % 1000 == 0 else "microseconds"
    return when.isoformat(timespec=precision).replace("+00:00", "Z")


def just_before(us: int, form: Format) -> int:
    """A moment earlier by the least step that APIs count in: whether they mean `>` or `>=`, nothing is left out."""
    return us - _STEPS[form]
