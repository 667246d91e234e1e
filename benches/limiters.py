"""What other clients pace themselves with: two libraries, and the rules of the design that this project started from.

The libraries are configured with the true limit of the beginning, which is more than one would know of an unknown API.
On a refusal all sleep as long as `Retry-After` says in seconds, a second where it says nothing, as their users do.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiolimiter import AsyncLimiter
from pyrate_limiter import AbstractClock, InMemoryBucket, Rate, SingleBucketFactory
from pyrate_limiter import Limiter as PyrateLimiter

from datasync.config.schema import SlotSettings
from datasync.http.transport import Answer
from datasync.limits.concurrency import Slots
from datasync.simulator.virtual.limiter import Permit, Wait
from datasync.simulator.virtual.scenario import Told

Clock = Callable[[], float]


def number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a header as plain seconds or a count; None where it is something else."""
    try:
        value = float(headers[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


class Obedient:
    """Asks `acquire` before each request, and keeps still after a refusal for as long as it says."""

    def __init__(self, acquire: Callable[[], Awaitable[Any]], clock: Clock, wait: Wait) -> None:
        self._acquire = acquire
        self._clock = clock
        self._wait = wait
        self._still_until = -math.inf

    @asynccontextmanager
    async def permit(self, route: str = "") -> AsyncIterator[Permit]:  # noqa: ARG002
        while True:
            while (seconds := self._still_until - self._clock()) > 0:
                await self._wait(seconds)
            await self._acquire()
            if self._still_until <= self._clock():
                break
        yield self

    def answered(self, answer: Answer) -> None:
        pass

    def refused(self, answer: Answer) -> None:
        seconds = number(answer.headers, "retry-after")
        self._still_until = max(self._still_until, self._clock() + max(0.0, 1.0 if seconds is None else seconds))


def token_bucket(told: Told) -> Callable[[], Awaitable[Any]]:
    """Let so many go at once and refill evenly: aiolimiter as its documentation shows it."""
    return AsyncLimiter(told.limit, told.window).acquire


def even_spacing(told: Told) -> Callable[[], Awaitable[Any]]:
    """Let one go every W/L seconds: aiolimiter with room for one."""
    return AsyncLimiter(1, told.window / told.limit).acquire


def send_log(told: Told) -> Callable[[], Awaitable[Any]]:
    """Remember when each was sent: pyrate-limiter's sliding log, on the loop's clock."""

    class LoopClock(AbstractClock):
        def now(self) -> int:
            return round(asyncio.get_running_loop().time() * 1000)

    clock = LoopClock()
    bucket = InMemoryBucket([Rate(told.limit, round(told.window * 1000))])
    bucket._clock = clock  # noqa: SLF001 - the way that its documentation names
    limiter = PyrateLimiter(SingleBucketFactory(bucket, schedule_leak=False))

    async def acquire() -> None:
        assert await limiter.try_acquire_async("")
        bucket.leak(clock.now())  # its background thread would run on the real clock

    return acquire


class SeedRules:
    """Five requests in flight, two after three refusals in a row, one more after fifty successes, ten at most.

    A count taken from `X-RateLimit-Remaining` holds requests back until `X-RateLimit-Reset`; `Retry-After` is slept
    exactly.
    """

    def __init__(self, clock: Clock, wait: Wait) -> None:
        self._clock = clock
        self._wait = wait
        self._slots = Slots(SlotSettings())
        self._in_flight = 0
        self._freed = asyncio.Condition()
        self._remaining: float | None = None
        self._resets_at = 0.0
        self._still_until = 0.0

    @asynccontextmanager
    async def permit(self, route: str = "") -> AsyncIterator[Permit]:  # noqa: ARG002
        async with self._freed:
            await self._freed.wait_for(lambda: self._in_flight < self._slots.limit)
            self._in_flight += 1
        try:
            while (seconds := self._delay()) > 0:
                await self._wait(seconds)
            if self._remaining:
                self._remaining -= 1
            yield self
        finally:
            async with self._freed:
                self._in_flight -= 1
                self._freed.notify_all()

    def answered(self, answer: Answer) -> None:
        self._slots.succeeded()
        remaining = number(answer.headers, "x-ratelimit-remaining")
        reset = number(answer.headers, "x-ratelimit-reset")
        if remaining is not None and reset is not None:
            self._remaining = max(0.0, remaining - (self._in_flight - 1))
            self._resets_at = self._clock() + reset

    def refused(self, answer: Answer) -> None:
        self._slots.refused()
        seconds = number(answer.headers, "retry-after")
        if seconds is None:
            seconds = self._resets_at - self._clock()
        self._still_until = max(self._still_until, self._clock() + max(1.0, seconds))

    def _delay(self) -> float:
        now = self._clock()
        if self._remaining is not None and now >= self._resets_at:
            self._remaining = None
        return max(self._still_until, self._resets_at if self._remaining == 0 else 0.0) - now
