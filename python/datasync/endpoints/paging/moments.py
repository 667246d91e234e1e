"""Moments as parameters. All in microseconds since 1970 UTC."""

from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from datasync.errors import ConfigError
from datasync.timestamps import TimestampPolicy, TimestampRefused, normalize_timestamp

Format: TypeAlias = Literal["iso", "s", "ms", "date"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"iso": 1, "ms": 1000, "s": 1_000_000, "date": 86_400_000_000}
_STEPS = {"iso": 1000, "ms": 1000, "s": 1_000_000, "date": 0}


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
    """A moment earlier by the least step that APIs count in: whether they mean `>` or `>=`, nothing is left out.

    A date has none: no API leaves out the day that it is asked to begin with.
    """
    return us - _STEPS[form]


def read_moment(text: str, what: str) -> int:
    """Read ISO 8601; without a zone it is UTC, and a date alone is its midnight.

    Raises:
        ConfigError: `what` is no such text.
    """
    policy = TimestampPolicy(assume_tz="UTC", date_only="midnight")
    try:
        when = normalize_timestamp(text, policy)
    except TimestampRefused as error:
        raise ConfigError(
            f"{what} is no moment: `{text}` ({error.code})", hint="it looks like 2024-01-31 or 2024-01-31T00:00:00Z"
        ) from error
    assert when is not None
    return (when - _EPOCH) // timedelta(microseconds=1)
