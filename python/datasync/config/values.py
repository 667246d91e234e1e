"""Values of options and variables, as they are written."""

import math
import re
from typing import Final, Literal

import msgspec

from datasync import envvars
from datasync.config.schema import MAX_PARTITIONS, MIN_MEMORY, ConflictPolicy, LimitSettings
from datasync.errors import ConfigError

MEMORY: Final = "256MiB"
"""What pages may take of memory unless told."""

_SHIFTS = {"K": 10, "M": 20, "G": 30}


def switch(name: str, value: str) -> bool:
    """Yes or no, of the variable `name`."""
    if value not in ("0", "1"):
        raise ConfigError(f"{name} is neither 1 nor 0: `{value}`", hint="leave it out for no")
    return value == "1"


def on_conflict(text: str) -> ConflictPolicy:
    """A rule, and its column behind a colon."""
    if not text.strip():
        return ConflictPolicy()
    rule, _, column = text.strip().partition(":")
    try:
        policy = msgspec.convert({"rule": rule, "newer_by": column or None}, ConflictPolicy)
    except msgspec.ValidationError:
        policy = None
    if policy is None or (policy.rule == "update_if_newer") != (policy.newer_by is not None):
        raise ConfigError(
            f"{envvars.ON_CONFLICT} or --on-conflict is no rule: `{text}`",
            hint="it is nothing, update, update_if_changed, or update_if_newer:COLUMN",
        )
    return policy


def max_wait(text: str) -> float:
    """Seconds of the longest wait for the rate limit; infinite for any."""
    seconds = _seconds(text)
    if math.isnan(seconds):
        raise ConfigError(
            f"{envvars.MAX_WAIT} or --max-wait is no number of seconds: `{text}`",
            hint="900 waits up to 15 minutes for the rate limit, inf as long as it takes",
        )
    return seconds


def concurrency(text: str) -> Literal["adaptive", "seed"]:
    """The rule of how many requests are in flight."""
    try:
        return msgspec.convert({"concurrency": text}, LimitSettings).concurrency
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{envvars.CONCURRENCY} is neither adaptive nor seed: `{text}`", hint="leave it out for adaptive"
        ) from error


def share(text: str) -> float:
    """A share of all records, 0 to 1."""
    share = _seconds(text)
    if not share <= 1:
        raise ConfigError(
            f"{envvars.MAX_REJECTS} or --max-rejects is no share from 0 to 1: `{text}`",
            hint="0.001 bears one record in a thousand that can't be stored, 1 any number",
        )
    return share


def _seconds(text: str) -> float:
    """A number of seconds, zero or more; NaN if it is none."""
    try:
        seconds = float(text)
    except ValueError:
        return math.nan
    return seconds if seconds >= 0 else math.nan


def retry_for(text: str) -> float:
    """Seconds for which a failing API is asked again."""
    seconds = _seconds(text)
    if not math.isfinite(seconds):
        raise ConfigError(
            f"{envvars.RETRY_FOR} or --retry-for is no number of seconds: `{text}`",
            hint="900 asks a failing API again for 15 minutes; 0 ends the run at the first failure",
        )
    return seconds


def partitions(text: str) -> int:
    """A number of partitions."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PARTITIONS:
        raise ConfigError(
            f"{envvars.PARTITIONS} is not a whole number from 1 to {MAX_PARTITIONS}",
            hint="leave it out, and there are as many as slots",
        )
    return int(text)


def memory(value: str) -> int:
    """An amount of memory in bytes."""
    value = value.strip() or MEMORY
    found = re.fullmatch(r"([0-9]{1,9}) ?([KMG])iB", value, re.ASCII)
    nbytes = int(found[1]) << _SHIFTS[found[2]] if found else 0
    if nbytes < MIN_MEMORY:
        raise ConfigError(
            f"{envvars.MEMORY} or --memory is no amount of memory from {MIN_MEMORY >> 20}MiB on: `{value}`",
            hint=f"it looks like {MEMORY}, which is the default",
        )
    return nbytes
