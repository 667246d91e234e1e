"""Everything that holds back the requests of one route, or of routes that share it."""

import math
import random
from collections import Counter
from typing import Final, TypeAlias

from datasync.limits.bucket import Bucket, Settled
from datasync.limits.leak import LeakBucket
from datasync.limits.learned import LearnedWindow
from datasync.limits.ledger import RoundTrip
from datasync.limits.memory import ResetMemory
from datasync.limits.pause import Pause
from datasync.limits.quota import Quota
from datasync.limits.search import Search, Start
from datasync.limits.windowed import WindowBucket

UNHEARD: Final = 20
"""Answers in a row that say nothing of a bucket, but of others: then it is no bucket of this route any more."""

MAX_BUCKETS: Final = 64
"""Of one route. An API that names a new one in each answer would fill the memory."""

Key: TypeAlias = tuple[str, str, float, str]


class Budget:
    """The buckets that the API shows, and what is learned where it shows none.

    Attributes:
        memory: of the resets in earlier answers.
        start: the first requests.
        successor: what goes on for this one, if it was absorbed.
    """

    def __init__(self, round_trip: RoundTrip, chance: random.Random) -> None:
        self.memory = ResetMemory()
        self.start = Start()
        self.successor: Budget | None = None
        self._round_trip = round_trip
        self._buckets: dict[Key, Bucket] = {}
        self._unheard: Counter[Key] = Counter()
        self._learned = LearnedWindow(round_trip)
        self._search = Search()
        self._pause = Pause(chance)
        self._in_flight = 0

    def delay(self, now: float, *, shared: bool = False) -> float:
        """Seconds until the next request may go by all of them; inf if only an answer can tell.

        With `shared` the windows that other processes draw on, too, are left out: their slots are taken elsewhere.
        """
        if self._pause.in_vain and self._in_flight:
            return math.inf
        elsewhere = set(self.windows()) if shared else set()
        found = [bucket.delay(now) for key, bucket in self._buckets.items() if key not in elsewhere]
        if not self._buckets:
            found = [self._learned.delay(now), self._search.delay(now)]
        return max(self._pause.left(now), 0.0, *found)

    def sent(self, now: float) -> None:
        """Count a request that goes out."""
        self._in_flight += 1
        for bucket in self._buckets.values():
            bucket.sent()
        self._learned.sent()
        self._search.sent(now)

    def answered(self, request: Settled, quotas: list[Quota], sent_to: frozenset[Key]) -> None:
        """Count a request as accepted and take what its answer says; `sent_to` is what `keys` gave when it went."""
        now = request.at
        self._in_flight -= 1
        self._pause.answered()
        self._learned.answered(now)
        self._search.answered(now)
        if quotas:
            self.start.end()
        else:
            self.start.answered(now)
        self._take(request, quotas, sent_to)

    def unanswered(self, request: Settled, sent_to: frozenset[Key]) -> None:
        """Count a request as arrived although no answer came: it may have been counted."""
        self._in_flight -= 1
        self._learned.answered(request.at)
        self._take(request, [], sent_to)

    def crowded(self, request: Settled, wait: float | None, sent_to: frozenset[Key], *, alone: bool) -> None:
        """Count a request that was refused because too many ran at once.

        Fewer at once is the cure. But what it asks to wait is waited, and where it was `alone` others fill the API.
        """
        self.unanswered(request, sent_to)
        if wait or alone:
            self._pause.refused(request.at, request.sent, wait, secondary=False)

    def refused(self, request: Settled, wait: float | None, quotas: list[Quota], sent_to: frozenset[Key]) -> float:
        """Hold back as a refused answer says, and give the end of that.

        Args:
            request: that was refused.
            wait: seconds that it asks to wait.
            quotas: what it says of the budget.
            sent_to: what `keys` gave when it was sent.
        """
        now = request.at
        self._in_flight -= 1
        self.start.end()
        spent = [quota for quota in quotas if quota.remaining is not None and quota.remaining < 1]
        resets = [quota.reset[1] for quota in spent if quota.reset is not None]
        if wait is None and resets:
            wait = max(resets)
        self._learned.refused(now, request.sent, wait)
        until = self._pause.refused(now, request.sent, wait, secondary=bool(self._buckets))
        if not self._buckets and not quotas and not wait:
            self._search.refused(now, request.sent)
        told = {_key(quota): quota for quota in quotas}
        named = {_key(quota) for quota in spent} & sent_to
        for key in sent_to:
            if (bucket := self._buckets.get(key)) is None:
                continue
            quota = told.get(key)
            # With several budgets only those that are used up have refused; where it isn't told which, those not told.
            if key in named or not spent or (not named and quota is None):
                bucket.refused(now, until, quota.remaining if quota else None)
            else:
                bucket.answered(request, quota)
        return until

    def absorb(self, other: "Budget") -> None:
        """Go on for `other`, too: both turned out to be one. Requests in flight of either are settled here."""
        for key, bucket in other._buckets.items():  # noqa: SLF001
            if mine := self._buckets.get(key):
                mine.absorb(bucket)
            else:
                self._buckets[key] = bucket
        self._learned.absorb(other._learned)  # noqa: SLF001
        self._pause.absorb(other._pause)  # noqa: SLF001
        self._in_flight += other._in_flight  # noqa: SLF001
        other.successor = self

    def keys(self) -> frozenset[Key]:
        """The buckets that a request sent now draws on."""
        return frozenset(self._buckets)

    def windows(self) -> dict[Key, tuple[int, float]]:
        """The windows of whole requests whose limit and length in seconds are known."""
        found = {}
        for key, bucket in self._buckets.items():
            if isinstance(bucket, WindowBucket) and bucket.rate is not None and bucket.window is not None:
                found[key] = (int(bucket.limit), bucket.window)
        return {key: (limit, window) for key, (limit, window) in found.items() if limit >= 1}

    def is_of(self, quota: Quota, key: Key) -> bool:
        """Whether an answer says this of that bucket."""
        return _key(quota) == key

    def window(self, quota: Quota) -> float | None:
        """The length of the window of that quota in seconds, as far as it is known."""
        bucket = self._buckets.get(_key(quota))
        return bucket.window if isinstance(bucket, WindowBucket) else None

    def rate(self) -> float | None:
        """Requests a second that the tightest bucket allows in the long run."""
        buckets = (bucket for bucket in self._buckets.values() if isinstance(bucket, WindowBucket))
        return min((bucket.rate for bucket in buckets if bucket.rate is not None), default=None)

    def utilisation(self) -> float | None:
        """The share of the tightest bucket that was used so far."""
        found = [share for bucket in self._buckets.values() if (share := bucket.utilisation()) is not None]
        return max(found, default=None)

    def _take(self, request: Settled, quotas: list[Quota], sent_to: frozenset[Key]) -> None:
        told = {_key(quota): quota for quota in quotas if _usable(quota)}
        for key in sent_to:
            if bucket := self._buckets.get(key):
                bucket.answered(request, told.get(key))
        if told:
            self._unheard.update(self._buckets.keys())
        for key, quota in told.items():
            if key in self._buckets:
                self._unheard[key] = 0
            elif len(self._buckets) < MAX_BUCKETS:
                bucket = WindowBucket(quota, self._round_trip) if _timed(quota) else LeakBucket(quota)
                self._buckets[key] = bucket
                bucket.sent()
                bucket.answered(request, quota)
        for key in [key for key, answers in self._unheard.items() if answers > UNHEARD]:
            del self._unheard[key]
            self._buckets.pop(key, None)


def _usable(quota: Quota) -> bool:
    if quota.unit == "concurrent":
        return False
    return quota.remaining is not None or quota.rate is not None or (quota.limit is not None and _timed(quota))


def _timed(quota: Quota) -> bool:
    return quota.window is not None or quota.reset is not None or (quota.rate is not None and quota.remaining is None)


def _key(quota: Quota) -> Key:
    kind = "window" if _timed(quota) else "leak"
    return quota.bucket, quota.unit, quota.window or 0.0, kind
