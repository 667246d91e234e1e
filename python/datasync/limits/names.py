"""The grammar of header names: `x-ratelimit-remaining-tokens` is what remains of `tokens`, in family `x-ratelimit`."""

from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from datasync.limits.quota import Unit

Role: TypeAlias = Literal["limit", "remaining", "used", "reset", "after", "window", "name"]
"""`reset` is a reset of any encoding, `after` one that is known to be seconds left."""

MAX_NAME = 100
"""Characters; a longer name is none of these, and isn't worth caching."""

_ROLES: dict[str, Role] = {
    "limit": "limit",
    "max": "limit",
    "remaining": "remaining",
    "used": "used",
    "observed": "used",
    "reset": "reset",
    "resettime": "reset",
    "period": "window",
    "window": "window",
    "interval": "window",
    "name": "name",
    "resource": "name",
    "bucket": "name",
}
_WINDOWS = {
    "second": 1.0,
    "secondly": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "daily": 86_400.0,
}
_UNITS: dict[str, Unit] = {
    "tokens": "tokens",
    "bytes": "bytes",
    "complexity": "cost",
    "cost": "cost",
    "points": "cost",
    "credits": "cost",
    "concurrent": "concurrent",
    "concurrency": "concurrent",
}


class Field(msgspec.Struct, frozen=True):
    """What a header's name says about its value.

    Attributes:
        family: the part of the name that all headers of one sender share.
        bucket: the words that say which budget.
        role: what of the budget.
        window: seconds, where the words of the bucket are a window's.
        scale: seconds of one unit of the value.
    """

    family: str
    bucket: str
    role: Role
    unit: Unit = "requests"
    window: float | None = None
    scale: float = 1.0


# Xero's names follow no grammar.
_XERO = {
    "x-minlimit-remaining": Field("xero", "minute", "remaining", window=60.0),
    "x-daylimit-remaining": Field("xero", "day", "remaining", window=86_400.0),
    "x-appminlimit-remaining": Field("xero", "app-minute", "remaining", window=60.0),
}


@lru_cache(maxsize=1024)
def field(name: str) -> Field | None:
    """Read a header's name in lower case, or give None if it says nothing about a budget."""
    name = name.replace("_", "-")
    if name in _XERO:
        return _XERO[name]
    for mark in ("ratelimit", "rate-limit"):
        before, found, rest = name.partition(mark)
        if found and (not before or before.endswith("-")) and (not rest or rest.startswith("-")):
            return _field(before + mark, rest.split("-")[1:])
    return None


def _field(family: str, words: list[str]) -> Field | None:
    role: Role | None = None
    scale = 1.0
    bucket: list[str] = []
    for word in words:
        if word == "after" and role == "reset":
            role = "after"
        elif word == "milliseconds":
            scale = 1e-3
        elif role is None and word in _ROLES:
            role = _ROLES[word]
        else:
            bucket.append(word)
    window = next((_WINDOWS[word] for word in bucket if word in _WINDOWS), None)
    if role is None and window is None and bucket:
        return None  # no budget: what the request cost, why it was refused
    unit: Unit = next((_UNITS[word] for word in bucket if word in _UNITS), "requests")
    return Field(family, "-".join(bucket), role or "limit", unit, window, scale)
