"""What the text of a reset means: a length of time, a moment, or a number that could be several things."""

import re

import msgspec

from datasync.limits.durations import duration
from datasync.limits.receipt import Receipt, moment
from datasync.limits.values import FOREVER, number

EPOCH_SECONDS = 1e9
"""No API lets wait 30 years: a larger number is a moment, in seconds since 1970."""

EPOCH_MILLISECONDS = 1e11
"""In seconds this would be the year 5138."""

STALE = 86_400.0
"""Seconds. What lies further back isn't when a quota resets."""

FINE = 0.1
"""Seconds. A fraction shows that a value isn't cut to whole seconds. Tenths are the coarsest that are sent."""


_TO_THE_MINUTE = re.compile(r"[0-9-]{10}[Tt ][0-9]{2}:[0-9]{2}(?:[Zz]|[+-][0-9:]{2,6})")
"""Jira sends `2024-05-05T18:02Z`."""


class Reset(msgspec.Struct, frozen=True):
    """A reset that was read.

    Attributes:
        seconds: time left, or for a moment seconds since 1970.
        step: seconds, how finely it is told. It may be rounded either way by as much.
        absolute: it is a moment.
        clear: False for a number that may count seconds, milliseconds, or be the length of the window.
    """

    seconds: float
    step: float
    absolute: bool = False
    clear: bool = True

    def left(self, receipt: Receipt) -> tuple[float, bool] | None:
        """Give the seconds left and whether our own wall clock stayed out of it, or None if they make no sense."""
        if not self.absolute:
            return (self.seconds, True) if self.seconds <= FOREVER else None
        now, dated = receipt.now()
        left = self.seconds - now
        return (max(0.0, left), dated) if -STALE <= left <= FOREVER else None

    def interval(self, receipt: Receipt) -> tuple[tuple[float, float], bool] | None:
        """Give earliest and latest in seconds from receipt, and whether they are certain, or None as `left`.

        The answer was made somewhere between sending and receipt, and the value may be rounded up or down. A moment
        is measured against a `Date` that is cut to seconds; if it was itself rounded up, it can be a second before the
        earliest. It is never after the latest.
        """
        found = self.left(receipt)
        if found is None:
            return None
        left, certain = found
        before = max(1.0, self.step) if self.absolute else self.step
        earliest = left if self.clear else left / 1000  # it may be milliseconds
        return (max(0.0, earliest - before - receipt.round_trip), left + self.step), certain and self.clear


def read_reset(text: str, *, seconds: bool = False) -> Reset | None:
    """Read a reset by its form, and a number by its size.

    Args:
        text: one value, without white space around it.
        seconds: a small number is known to be seconds left.
    """
    value = number(text)
    if value is not None:
        if value < EPOCH_SECONDS:
            return Reset(value, step(value), clear=seconds)
        value = value / 1000 if value >= EPOCH_MILLISECONDS else value
        return Reset(value, step(value), absolute=True)
    value = duration(text)
    if value is not None:
        return Reset(value, step(value))
    at = moment(text)
    if at is None:
        return None
    value = at.timestamp()
    return Reset(value, 60.0 if _TO_THE_MINUTE.fullmatch(text) else step(value), absolute=True)


def step(seconds: float) -> float:
    """Say how finely a value in seconds is told."""
    return 1.0 if seconds.is_integer() else FINE
