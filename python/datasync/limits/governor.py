"""The one place that lets requests go: slots and budget together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from datasync.limits.concurrency import Slots
from datasync.limits.ledger import Ledger
from datasync.limits.trio import quota, retry_after
from datasync.model import RunStats

WORTH_A_LINE = 5.0
"""Seconds. A longer wait is logged, so that a quiet run can be told from one that hangs."""


class Governor:
    """Every request of a run goes through `permit()`."""

    def __init__(self, slots: Slots, ledger: Ledger, stats: RunStats, wait: Callable[[float], Awaitable[None]]) -> None:
        """Take a `wait` that sleeps so many seconds and may raise to end the waiting."""
        self._slots = slots
        self._ledger = ledger
        self._stats = stats
        self._wait = wait
        self._in_flight = 0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        """Hold a slot for the time of a request, from the moment the budget allows it."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._in_flight < self._slots.limit)
            self._in_flight += 1
        try:
            while (delay := self._ledger.delay()) > 0:
                self._stats.waited += delay
                if delay >= WORTH_A_LINE:
                    structlog.get_logger().info("waiting for the rate limit", seconds=round(delay, 1))
                await self._wait(delay)
            self._ledger.sent()
            yield
        finally:
            async with self._freed:
                self._in_flight -= 1
                self._freed.notify_all()

    def answered(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer that was not a refusal. Call it inside `permit()`."""
        self._slots.succeeded()
        if told := quota(headers):
            self._ledger.told(told, in_flight=self._in_flight - 1)

    def refused(self, headers: Mapping[str, str]) -> None:
        """Learn from a refusal. Call it inside `permit()`."""
        self._stats.refused += 1
        self._slots.refused()
        self._ledger.refused(retry_after(headers))
