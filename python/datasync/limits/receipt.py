"""When an answer came, on every clock that matters: ours, and the one the answer itself tells."""

from datetime import datetime

import msgspec

from datasync.timestamps import TimestampPolicy, TimestampRefused, normalize_timestamp

_HTTP = TimestampPolicy(form="http")
"""The three dates of RFC 9110 5.6.7."""


def moment(text: str) -> datetime | None:
    """Read an HTTP date, RFC 3339 or ISO 8601 with a zone."""
    if not text.isascii():
        return None
    for policy in (_HTTP, None):
        try:
            return normalize_timestamp(text, policy)
        except TimestampRefused:
            continue
    return None


class Receipt(msgspec.Struct, frozen=True):
    """When a request went out and its answer came.

    Attributes:
        sent: monotonic seconds.
        received: monotonic seconds.
        wall: our own wall clock at receipt, seconds since 1970. It counts only if the answer has no `Date`.
        date: the answer's `Date`.
    """

    sent: float
    received: float
    wall: float
    date: str | None

    @property
    def round_trip(self) -> float:
        """Seconds between request and answer."""
        return max(0.0, self.received - self.sent)

    def now(self) -> tuple[float, bool]:
        """Give the time of the server, seconds since 1970, and whether it is the server's own word."""
        told = moment(self.date) if self.date else None
        return (told.timestamp(), True) if told else (self.wall, False)
