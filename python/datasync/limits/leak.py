"""A leaky bucket: an API that says how full it is, and nothing about time."""

import math
from typing import Final

from datasync.limits.bucket import Bucket, Settled
from datasync.limits.quota import Quota

MEASURE: Final = 1.0
"""Seconds over which a leak is measured, at least: the level is told in whole requests."""

PROBE: Final = 1.0
"""Seconds to wait with a full bucket whose leak isn't known yet."""

CAREFUL: Final = 0.995
"""How much of the measured leak is counted on."""


class LeakBucket:
    """See Bucket. A level rises by one with each request and falls by so many a second.

    How fast it falls is measured: by how much less the level has risen than requests were sent.
    """

    def __init__(self, quota: Quota) -> None:
        """Begin with the first word: what remains, and better a limit with it."""
        self._limit = max(1.0, quota.limit or quota.remaining or 0.0)  # a request must fit, or none ever would
        self._rate = quota.rate or 0.0
        self._level = 0.0
        self._at = -math.inf
        self._in_flight = 0
        self._blocked_until = -math.inf
        self._since = -math.inf  # of the measurement
        self._since_level = 0.0
        self._arrived = 0

    def delay(self, now: float) -> float:
        """See Bucket."""
        if now < self._blocked_until:
            return self._blocked_until - now
        over = self._estimate(now) + self._in_flight + 1 - self._limit
        if over <= 0:
            return 0.0
        if self._rate > 0:
            return over / (self._rate * CAREFUL)
        return math.inf if self._in_flight else max(0.0, self._at + PROBE - now)

    def sent(self) -> None:
        """See Bucket."""
        self._in_flight += 1

    def answered(self, request: Settled, quota: Quota | None) -> None:
        """See Bucket."""
        now = request.at
        self._in_flight = max(0, self._in_flight - 1)  # or it went out before this bucket was known
        self._arrived += 1
        if quota is None or quota.remaining is None:
            self._set(now, self._estimate(now) + 1)
            return
        self._limit = max(1.0, quota.limit or max(self._limit, quota.remaining))
        level = self._limit - quota.remaining
        if quota.rate:
            self._rate = quota.rate
        else:
            self._measure(now, level)
        if request.sent < self._at:
            level = max(level, self._estimate(now))  # on its way together with one that may have known more
        self._set(now, level)

    def refused(self, now: float, until: float, remaining: float | None) -> None:
        """See Bucket."""
        del remaining
        self._in_flight = max(0, self._in_flight - 1)
        self._blocked_until = max(self._blocked_until, until)
        self._set(now, self._limit)
        self._since = -math.inf

    def absorb(self, other: Bucket) -> None:
        """See Bucket."""
        if isinstance(other, LeakBucket):
            self._in_flight += other._in_flight  # noqa: SLF001

    def utilisation(self) -> float | None:
        """See Bucket. What a bucket allows depends on how full it was before: there is no figure."""
        return None

    def _estimate(self, now: float) -> float:
        if math.isinf(self._at):
            return 0.0
        return max(0.0, self._level - self._rate * CAREFUL * (now - self._at))

    def _set(self, now: float, level: float) -> None:
        self._level, self._at = level, now

    def _measure(self, now: float, level: float) -> None:
        if math.isinf(self._since) or level <= 1:  # an empty bucket doesn't leak
            self._since, self._since_level, self._arrived = now, level, 0
            return
        seconds = now - self._since
        if seconds < MEASURE:
            return
        leaked = self._since_level + self._arrived - level
        if leaked > 0:
            measured = leaked / seconds
            # Longer measurements are finer: the level is told in whole requests.
            share = min(1.0, seconds / 10) if self._rate else 1.0
            self._rate += (measured - self._rate) * share
        if seconds >= 10 * MEASURE:
            self._since, self._since_level, self._arrived = now, level, 0
