"""Moments as people write them in a configuration."""

from typing import Final

from datasync.timestamps import TimestampPolicy, TimestampRefused, normalize_timestamps

HINT: Final = "it looks like 2024-01-31 or 2024-01-31T12:00:00Z"

_POLICY: Final = TimestampPolicy(date_only="midnight", assume_tz="UTC")


def micros(text: str) -> int:
    """Give microseconds since 1970 UTC for ISO 8601; without a zone it is UTC, and a date alone is its midnight.

    Raises:
        TimestampRefused: it is no such text.
    """
    found = normalize_timestamps([text], _POLICY)
    if found.refused:
        raise TimestampRefused(found.refused[0][1])
    return found.micros[0]
