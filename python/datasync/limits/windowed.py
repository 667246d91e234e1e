"""A budget of so many requests in a window: our own count of it, kept in step with what the answers say."""

import math
from typing import Final

from datasync.limits.bucket import Bucket, Settled
from datasync.limits.ledger import Ledger, RoundTrip
from datasync.limits.quota import Quota
from datasync.limits.usage import Usage
from datasync.limits.window import WindowLength

PROOFS: Final = 2
"""Windows that opened with everything free again before the API is believed to have fixed ones."""

CAREFUL_WINDOWS: Final = 3
"""For how long it is kept in mind that others use the budget, too, or that requests count in a way of their own."""

STALE: Final = 3.0
"""Seconds by which what remains may lag behind, where several servers count together."""

AT_ONCE: Final = 2.0
"""Seconds. A refusal that says to wait no longer came just too early: the window is longer than it looked."""

DOUBLE: Final = 2.0
"""What one request counts at the most, where requests are counted: some APIs count an error double."""

_CUT: Final = 1.0  # seconds that a moment cut to seconds may lie before the earliest
_LITTLE: Final = 0.5  # of a request: less is rounding
_FADE_COST: Final = 0.99
_FADE_DOUBLE: Final = 0.998


class WindowBucket:
    """So many requests in a window of some length, whichever kind of window it is.

    The ledger alone never sends more than the limit in any window, which is right for sliding, anchored and
    clock-aligned windows alike. What the API says makes it stricter at once: less remaining than by our own count has
    been used by others. It makes it looser only on proof: where windows opened with everything free again, while
    the ledger still counted our requests, the window is fixed, and its end clears the ledger.
    """

    def __init__(self, quota: Quota, round_trip: RoundTrip) -> None:
        """Begin with the first word on this budget. It needs a window, a reset or a rate."""
        self._window = WindowLength()
        self._ledger = Ledger(math.inf, math.inf, round_trip)
        self._usage = Usage()
        self._costly = quota.unit != "requests"
        self._limit_told = False
        self._blocked_until = -math.inf
        self._promised_at = math.inf  # the API says that one more may go then, whatever the ledger says
        # With others about, or while nothing is known of this API, requests in flight could all meet a spent budget.
        self._careful_until = math.inf
        self._said = (-math.inf, math.inf)  # when a request went out, and what remained after it; the last such one
        self._told_until = -math.inf  # the latest reset of an answer with nothing left
        self._ends = (math.inf, math.inf)  # when the window does, at the earliest and latest
        self._proofs = 0
        self._proved_at = -math.inf
        self._take(quota)

    @property
    def window(self) -> float | None:
        """Seconds, as far as is known."""
        return self._window.seconds

    @property
    def limit(self) -> float:
        """Requests, or units of cost, in a window."""
        return self._ledger.limit

    @property
    def rate(self) -> float | None:
        """Requests a second that it allows in the long run; None where it counts something else."""
        if self._costly or not (0 < self._ledger.window < math.inf and self._ledger.limit < math.inf):
            return None
        return self._ledger.limit / self._ledger.window

    def delay(self, now: float) -> float:
        """See Bucket."""
        if self._proofs >= PROOFS and now >= self._ends[1]:
            self._ledger.forget(self._ends[0])
            self._ends = (math.inf, math.inf)
        if now < self._blocked_until:
            return self._blocked_until - now
        delay = self._ledger.delay(now)
        if math.isinf(delay) and not self._ledger.in_flight:
            return max(0.0, self._told_until - now)  # what others hold only an answer gives back: one asks for it
        if delay > 0:
            return min(delay, max(0.0, self._promised_at - now))
        # What costs come to is known well, while one request may count as two.
        crowded = now < self._careful_until and self._ledger.crowded(self._said[1], 1 if self._costly else DOUBLE)
        return math.inf if crowded else 0.0

    def sent(self) -> None:
        """See Bucket."""
        self._promised_at = math.inf
        self._ledger.sent()

    def answered(self, request: Settled, quota: Quota | None) -> None:
        """See Bucket."""
        if quota is not None:
            self._take(quota)
        self._count(request.at, quota)
        if not self._costly:
            self._usage.accepted(request.at, self._ledger.limit, self._ledger.window)
        if quota is not None and quota.remaining is not None:
            self._believe_limit(request.at, quota.remaining)
            self._prove(request, quota.remaining)
            self._find_others(request, quota.remaining)
            if quota.reset is not None:
                self._heed_reset(request.at, quota.reset, quota.remaining)

    def refused(self, now: float, until: float, remaining: float | None) -> None:
        """See Bucket."""
        if remaining and remaining < DOUBLE:
            self._ledger.costs(DOUBLE, fade=1.0)  # something was left, but not enough for this one
        self._ledger.counted(now)
        self._proofs = 0
        free = self._ledger.free(now)
        if not self._ledger.holds and free > -_LITTLE and until - now < AT_ONCE:
            self._window.too_short()
        # Others have used what we counted as free. Then one goes, and its answer says how much there is.
        if free > 0:
            self._ledger.hold(free, self._held_until(now))
        self._blocked_until = max(self._blocked_until, until)
        self._promised_at = self._blocked_until
        self._careful_until = now + CAREFUL_WINDOWS * self._ledger.window

    def absorb(self, other: Bucket) -> None:
        """See Bucket."""
        if isinstance(other, WindowBucket):
            self._ledger.absorb(other._ledger)  # noqa: SLF001
            self._usage.absorb(other._usage)  # noqa: SLF001

    def utilisation(self) -> float | None:
        """See Bucket."""
        return self._usage.share

    def _take(self, quota: Quota) -> None:
        if quota.limit is not None:
            self._ledger.limit, self._limit_told = quota.limit, True
        elif quota.rate is not None:
            self._ledger.limit, self._limit_told = 1.0, True
        if quota.window is not None:
            self._window.declared(quota.window)
        elif quota.reset is not None:
            # Until all is free again is as long as the window only where little is used.
            fresh = quota.remaining is not None and quota.remaining >= self._ledger.limit - self._ledger.most
            self._window.saw(quota.reset, fresh=fresh and not quota.full)
        elif quota.rate:
            self._window.declared(self._ledger.limit / quota.rate)
        if self._window.seconds is not None:
            self._ledger.window = self._window.seconds

    def _count(self, now: float, quota: Quota | None) -> None:
        if not self._costly or quota is None or quota.remaining is None:
            self._ledger.counted(now)
            return
        # What a request costs shows in what remains after it.
        before = self._ledger.free(now) + self._ledger.in_flight
        cost = max(0.0, before - quota.remaining)
        self._ledger.counted(now, cost)
        self._ledger.costs(cost, fade=_FADE_COST)

    def _believe_limit(self, now: float, remaining: float) -> None:
        if not self._limit_told:
            # It is at least what we have used and what remains.
            least = self._ledger.used(now) + remaining
            self._ledger.limit = least if math.isinf(self._ledger.limit) else max(least, self._ledger.limit)

    def _prove(self, request: Settled, remaining: float) -> None:
        """Look whether all is free again although the ledger still counts requests."""
        if self._ledger.holds or remaining < self._ledger.limit - 1:
            return
        # Servers that count together may not know of the last seconds' requests yet.
        if not self._ledger.counted_before(request.sent - STALE, 1.0):
            return
        if request.at - self._proved_at > self._ledger.window / 2:
            self._proved_at = request.at
            self._proofs += 1
        if self._proofs >= PROOFS:
            # What was answered before this one went out is older than the window.
            self._ledger.forget(request.sent)

    def _find_others(self, request: Settled, remaining: float) -> None:
        """Hold what others have used, and let go of it when the API says that more is left."""
        if request.sent >= self._said[0]:
            self._said = request.sent, remaining
        free = self._ledger.free(request.at)
        # When the API saw the request, what we count as free since then may not have been it yet.
        others = free - self._ledger.freed(request.sent) - remaining
        if others > _LITTLE:
            careful = -math.inf if math.isinf(self._careful_until) else self._careful_until
            self._careful_until = max(request.at + CAREFUL_WINDOWS * self._ledger.window, careful)
            self._ledger.hold(others, self._held_until(request.at))
        elif remaining > free:
            self._ledger.release(remaining - free)
        if not self._costly and not self._ledger.in_flight:
            self._ledger.costs(DOUBLE if request.failed and others > _LITTLE else 1.0, fade=_FADE_DOUBLE)

    def _heed_reset(self, now: float, reset: tuple[float, float], remaining: float) -> None:
        earliest, latest = reset
        if math.isinf(self._ends[1]) or now + latest > self._ends[1]:
            self._ends = now + earliest, now + latest
        self._promised_at = math.inf
        if remaining >= 1:
            return
        if math.isinf(self._careful_until) and not self._ledger.in_flight:
            self._careful_until = now  # used up for the first time, and nothing was refused
        self._told_until = max(self._told_until, now + latest)
        # The reset is rounded to a second or two. Our own count is finer, if nothing contradicts it.
        ours = self._ledger.delay(now)
        if ours < (latest if self._ledger.holds else earliest - _CUT):
            self._blocked_until = max(self._blocked_until, now + latest)
        elif ours > latest > STALE and not self._ledger.in_flight:
            # Those in flight would take what becomes free then, and what becomes free at once those that just came.
            # Answers may overtake each other: the latest word counts.
            self._promised_at = self._told_until

    def _held_until(self, now: float) -> float:
        # While the length of the window isn't sure, only an answer gives back what others hold.
        return now + self._ledger.window if self._window.sure else math.inf
