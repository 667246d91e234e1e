"""Checks of single values, for the structs' `__post_init__`. Each raises InvalidSpec with the value's key."""

from collections.abc import Mapping
from typing import Final

from datasync._native import PlanError
from datasync.config import duration as durations
from datasync.config import moment as moments
from datasync.config.headers import usable_name, usable_value
from datasync.config.invalid import InvalidSpec
from datasync.config.secret import Secret
from datasync.timestamps import TimestampPolicy, TimestampRefused, check_policy

MAX_NAME: Final = 63
"""Bytes of a name in PostgreSQL."""


def duration(key: str, value: float | str, *, endless: bool = False, positive: bool = False) -> None:
    """Refuse what is no duration; one without an end, or 0, unless told."""
    try:
        seconds = durations.seconds(value)
    except ValueError as error:
        raise InvalidSpec(key, str(error), hint=durations.HINT) from None
    if seconds == float("inf") and not endless:
        raise InvalidSpec(key, "has no end", hint=durations.HINT)
    if seconds == 0 and positive:
        raise InvalidSpec(key, "is 0", hint=durations.HINT)


def within(key: str, value: float | None, least: float, most: float | None = None) -> None:
    """Refuse a number that is too small or too large; None is right."""
    if value is not None and not (value >= least and (most is None or value <= most)):
        bounds = f"{least} or more" if most is None else f"from {least} to {most}"
        raise InvalidSpec(key, f"is {value}", hint=f"it is {bounds}")


def given(key: str, value: str | None) -> None:
    """Refuse blank text; None is right."""
    if value is not None and not value.strip():
        raise InvalidSpec(key, "is empty", hint="leave it out, or write what is meant")


def moment(key: str, value: str | None) -> None:
    """Refuse what is no moment in ISO 8601; None is right."""
    try:
        if value is not None:
            moments.micros(value)
    except TimestampRefused as error:
        raise InvalidSpec(key, f"is no moment: `{value}` ({error.code})", hint=moments.HINT) from error


def policy(key: str, value: TimestampPolicy) -> None:
    """Refuse a policy that can't be followed, such as one with an unknown zone."""
    try:
        check_policy(value)
    except PlanError as error:
        raise InvalidSpec(key, f"can't be followed: {error}", hint="see docs/timestamps.md") from error


def header(key: str, name: str) -> None:
    """Refuse a header that can't be sent, or that datasync must decide itself."""
    if not usable_name(name):
        raise InvalidSpec(key, "is malformed, or a header that datasync decides itself", hint="it looks like X-API-Key")


def headers(key: str, values: Mapping[str, str] | Mapping[str, Secret]) -> None:
    """Refuse headers that can't be sent. Values are never shown."""
    for name, value in values.items():
        header(f'{key}."{name}"', name)
        sendable(f'{key}."{name}"', value)


def sendable(key: str, value: str | Secret) -> None:
    """Refuse what a header can't carry, without showing it."""
    if not usable_value(value.reveal() if isinstance(value, Secret) else value):
        raise InvalidSpec(
            key,
            "is empty, too long, or has characters that an HTTP header can't carry",
            hint="look for a line break or a quote that was pasted along",
        )


def secret(key: str, value: Secret | None) -> None:
    """Refuse an empty secret; None is right."""
    if value is not None and not value.reveal():
        raise InvalidSpec(key, "is empty", hint="write `${NAME}` for what a variable holds")


def named(key: str, name: str) -> None:
    """Refuse what can't name a column."""
    size = len(name.encode("utf-8", "surrogatepass"))
    if not 0 < size <= MAX_NAME or not name.isprintable():
        raise InvalidSpec(key, "can't be a name in PostgreSQL", hint=f"use 1 to {MAX_NAME} bytes, printable ones")


def table(key: str, name: str) -> None:
    """Refuse what can't name a table."""
    parts = name.split(".")
    for part in parts:
        named(key, part)
    if len(parts) > 2:
        raise InvalidSpec(key, "has more than one dot", hint="it is `name` or `schema.name`")
