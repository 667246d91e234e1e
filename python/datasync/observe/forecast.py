"""When a run will be done."""

import math
import time
from datetime import UTC, datetime
from typing import Final

from datasync.stats import RunStats

MOST: Final = 1e10
"""Seconds, three centuries."""


def seconds_left(stats: RunStats, elapsed: float) -> float | None:
    """Give the seconds until all records are read, None while that can't be told.

    What is left takes as long per page as the pages so far, waits for the rate limit apart; and at least as long as the
    limit makes it.

    An API that doesn't know its total may declare the largest number there is: beyond MOST nothing is told.

    Args:
        stats: of the run; the API must have told a total.
        elapsed: seconds since the run began.
    """
    if stats.total is None or not stats.pages or not stats.fetched:
        return None
    records = max(0, stats.total - stats.served)
    pages = math.ceil(records / (stats.fetched / stats.pages))
    by_work = pages * max(0.0, elapsed - stats.waited) / stats.pages
    by_limit = pages / stats.allowed_per_second if stats.allowed_per_second else 0.0
    left = max(by_work, by_limit)
    return left if left < MOST else None


def finish(stats: RunStats, elapsed: float) -> str | None:
    """Give the moment at which the run will be done by `seconds_left`, in ISO 8601, UTC."""
    left = seconds_left(stats, elapsed)
    if left is None:
        return None
    try:
        return datetime.fromtimestamp(time.time() + left, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None  # beyond the year 9999
