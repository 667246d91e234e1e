"""The one place that lets requests go: slots and budgets together."""

import asyncio
import math
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from datasync.errors import Paused
from datasync.http.transport import Answer
from datasync.limits.bucket import Settled
from datasync.limits.budget import Budget
from datasync.limits.concurrency import ConcurrencyCap, Slots
from datasync.limits.grouping import Grouping
from datasync.limits.headers import quotas
from datasync.limits.ledger import RoundTrip
from datasync.limits.permit import Permit
from datasync.limits.quota import Quota
from datasync.limits.refusal import refusal_hints
from datasync.limits.sharing import SharedBuckets, Shares
from datasync.limits.window import ROUNDED
from datasync.stats import RunStats

WORTH_A_LINE: Final = 5.0
"""Seconds. A longer wait is logged, so that a quiet run can be told from one that hangs."""

NO_END: Final = 60.0
"""Seconds between two looks while only an answer can tell how long it is."""


class Governor:
    """Every request of a run goes through `permit()`.

    Requests of one route go in the order in which they asked. Each needs a slot, and room in every budget that its
    route draws on.
    """

    def __init__(
        self,
        slots: Slots,
        stats: RunStats,
        wait: Callable[[float], Awaitable[None]],
        *,
        max_wait: float = math.inf,
        shared: SharedBuckets | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        """Take what the governor lives on.

        Args:
            slots: how many requests at once.
            stats: told about waits, refusals and utilisation.
            wait: sleeps so many seconds; may raise to end the waiting.
            max_wait: seconds; a longer wait raises Paused.
            shared: draws on budgets that other processes use, too.
            clock: monotonic, in seconds.
            wall: seconds since 1970.
            chance: throws the dice.
        """
        self._slots = slots
        self._stats = stats
        self._wait = wait
        self._max_wait = max_wait
        self._shared = shared
        self._clock = clock
        self._wall = wall
        self._chance = chance or random.Random()
        self._cap = ConcurrencyCap()
        self._round_trip = RoundTrip()
        self._grouping = Grouping()
        self._budgets: dict[str, Budget] = {}
        self._lines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._in_flight: defaultdict[str, int] = defaultdict(int)
        self._changed = asyncio.Event()

    def tell(self, stats: RunStats) -> None:
        """Tell another run's `stats` from now on."""
        self._stats = stats

    @asynccontextmanager
    async def permit(self, route: str = "") -> AsyncIterator[Permit]:
        """Hold a slot for the time of a request to `route`, from the moment all budgets allow it.

        Raises:
            Paused: it would have to wait longer than `max_wait`.
        """
        async with self._lines[route]:
            await self._wait(0)  # a stop may have come while others were in front
            permit = await self._wait_for(route)
        try:
            yield permit
        finally:
            self._in_flight[route] -= 1
            if not permit.settled:
                permit.current.unanswered(Settled(self._clock(), permit.sent_at), permit.keys)
            self._news()
            if self._shared is not None:
                await self._shared.settle(permit.shares)

    async def _wait_for(self, route: str) -> Permit:
        """Wait until everything allows a request, and let it go at that moment."""
        shares = Shares(min(self._grouping.group(route)))
        try:
            while True:
                while (delay := self._delay(route)) > 0:
                    await self._hold(delay)
                if self._shared is None:
                    return self._let_go(route, shares)
                wait = await self._shared.take(self.budget(route), shares)
                if wait == 0 and self._delay(route) == 0:
                    return self._let_go(route, shares)
                if wait > 0:
                    await self._hold(wait)
        except BaseException:
            if self._shared is not None:
                self._shared.give_up(shares)
            raise

    def budget(self, route: str) -> Budget:
        """The budget of a route."""
        if route not in self._budgets:
            self._budgets[route] = Budget(self._round_trip, self._chance)
        return self._budgets[route]

    def answered(self, permit: Permit, answer: Answer) -> None:
        """See Permit."""
        now = self._clock()
        self._round_trip.saw(now - permit.sent_at)
        if answer.status < 500:
            self._slots.succeeded(now - permit.sent_at, permit.in_flight)
        self._cap.succeeded()
        budget = permit.current
        found = self._quotas(budget, permit, answer, now)
        budget.answered(Settled(now, permit.sent_at, failed=answer.status >= 400), found, permit.keys)
        if self._shared is not None:
            self._shared.answered(permit.shares, budget, found)
        self._group(permit.route, found)
        self._stats.utilisation = self.utilisation()
        self._stats.allowed_per_second = budget.rate()
        self._news()

    def refused(self, permit: Permit, answer: Answer) -> None:
        """See Permit."""
        now = self._clock()
        self._stats.refused += 1
        self._slots.refused()
        hints = refusal_hints(answer.headers, answer.body, wall=self._wall())
        budget = permit.current
        if hints.kind == "concurrency":
            self._cap.refused(max(permit.in_flight, sum(self._in_flight.values())))
            alone = permit.in_flight == 1
            budget.crowded(Settled(now, permit.sent_at), hints.retry_after, permit.keys, alone=alone)
        else:
            found = self._quotas(budget, permit, answer, now) + ([hints.quota] if hints.quota else [])
            until = budget.refused(Settled(now, permit.sent_at), hints.retry_after, found, permit.keys)
            permit.shares.blocked = until - now
        self._news()

    def utilisation(self) -> float | None:
        """The share of what the API allowed so far that was used: of its tightest budget; None if it tells none."""
        found = [share for budget in self._budgets.values() if (share := budget.utilisation()) is not None]
        return max(found, default=None)

    def _quotas(self, budget: Budget, permit: Permit, answer: Answer, now: float) -> list[Quota]:
        found = quotas(answer.headers, sent=permit.sent_at, received=now, wall=self._wall(), memory=budget.memory)
        for quota in found:
            if quota.unit == "concurrent" and quota.limit is not None:
                self._cap.told(quota.limit)
        return found

    def _group(self, route: str, found: list[Quota]) -> None:
        if len(self._budgets) == 1:
            return
        for quota in found[:1]:
            if quota.limit is None or quota.remaining is None or quota.unit != "requests":
                continue
            window = self.budget(route).window(quota)
            if window is None:
                continue
            now = self._clock()
            left = max(quota.reset[0], quota.reset[1] - ROUNDED) if quota.reset and not quota.full else 0.0
            if self._grouping.saw(
                route,
                now,
                limit=quota.limit,
                remaining=quota.remaining,
                window=window,
                began=now - max(0.0, window - left),
                in_flight=sum(self._in_flight.values()) - 1,
            ):
                structlog.get_logger().info("routes share a budget", routes=sorted(self._grouping.group(route)))
                self._regroup(route)

    def _regroup(self, route: str) -> None:
        kept = self.budget(route)
        group = self._grouping.group(route)
        for other, budget in list(self._budgets.items()):
            if other in group and budget is not kept:
                if budget.successor is None:  # it may be that of several routes
                    kept.absorb(budget)
                self._budgets[other] = kept
            elif other not in group and budget is kept:
                self._budgets[other] = Budget(self._round_trip, self._chance)

    def _delay(self, route: str) -> float:
        budget = self.budget(route)
        slots = min(self._slots.limit, self._cap.limit)
        if sum(self._in_flight.values()) >= slots or self._in_flight[route] >= budget.start.limit:
            return math.inf
        return budget.delay(self._clock(), shared=self._shared is not None)

    async def _hold(self, delay: float) -> None:
        if math.isinf(delay):
            await self._sleep(NO_END)
            return
        if delay > self._max_wait:
            raise Paused(round((self._wall() + delay) * 1e6))
        if delay >= WORTH_A_LINE:
            structlog.get_logger().info("waiting for the rate limit", seconds=round(delay, 1))
        began = self._clock()
        try:
            await self._sleep(delay)
        finally:
            self._stats.waited += self._clock() - began

    async def _sleep(self, seconds: float) -> None:
        """Wait so long, or until something has changed."""
        news = asyncio.ensure_future(self._changed.wait())
        rest = asyncio.ensure_future(self._wait(seconds))
        try:
            await asyncio.wait({news, rest}, return_when=asyncio.FIRST_COMPLETED)
            if rest.done():
                rest.result()  # raises what ends the waiting
        finally:
            for task in (news, rest):
                task.cancel()
            await asyncio.gather(news, rest, return_exceptions=True)

    def _let_go(self, route: str, shares: Shares) -> Permit:
        now = self._clock()
        budget = self.budget(route)
        keys = budget.keys()
        budget.sent(now)
        self._in_flight[route] += 1
        return Permit(self, route, now, budget, keys, sum(self._in_flight.values()), shares)

    def _news(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
