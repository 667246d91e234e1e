"""Lengths of time as text: Go's `2m59.56s` and ISO 8601's `PT2M59S`."""

import re
from datetime import timedelta

import msgspec

_GO = re.compile(r"(?:[0-9]{1,18}(?:\.[0-9]{1,18})?(?:ns|us|ms|s|m|h|d))+")
_GO_PART = re.compile(r"([0-9.]+)([a-z]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float | None:
    """Read a duration as seconds. Days, which Go doesn't have, are read too: `1d2h` is sent."""
    text = text.lower()
    if _GO.fullmatch(text):
        return sum(float(count) * _SECONDS[unit] for count, unit in _GO_PART.findall(text))
    if text.startswith("p"):
        try:
            return max(0.0, msgspec.convert(text.upper(), timedelta).total_seconds())
        except (msgspec.ValidationError, OverflowError):
            return None
    return None
