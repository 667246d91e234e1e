"""One budget for several processes on one API key: where the slots of this process come from.

Slots are leased in blocks from the row in PostgreSQL (`shared_row`) and used up here, by the receive-time rule: a slot
is free again one window after the answer to its request. No credit is taken for the way there and back, since the next
user of a slot may be a process at another distance from the API. So nothing has to be known of the network.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from datasync.config.schema import Settings
from datasync.errors import DatasyncError, SchemaMismatch, SinkError
from datasync.failpoints import failpoint
from datasync.limits.shared_row import BudgetRow, Call, Turn, key_of
from datasync.limits.shared_stock import BEAT, Slot, Stock

RETRY = (0.1, 5.0)
"""Seconds between attempts to reach the database: at first, and at most."""

CLOSE_TIMEOUT = 2.0
"""Seconds for giving back at the end. What is not given back by then is free a lease and a window later."""


class Row(Protocol):
    """What `SharedBudget` asks of `BudgetRow`."""

    async def buckets(self) -> dict[str, tuple[int, float]]:
        """See BudgetRow."""
        ...

    async def call(self, bucket: str, call: Call) -> Turn:
        """See BudgetRow."""
        ...


class SharedBudget:
    """Gives slots of buckets that other processes use, too.

    Safe when the database can't be reached: what is leased is used up for half of the lease's life, and then
    requests wait. Safe when this process dies: what it holds counts as used at the end of the lease.

    Attributes:
        holder: this process's name in the row.
    """

    def __init__(
        self, row: Row, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Take a clock in seconds. It must go on while the machine sleeps, or a slot may be used after its lease."""
        self._row = row
        self._clock = clock
        self._sleep = sleep
        self.holder = uuid.uuid4().hex[:16]
        self._epoch = 0
        self._stocks: dict[str, Stock] = {}
        self._calling = asyncio.Lock()
        self._failures = 0
        self._retry_at = float("-inf")

    async def buckets(self) -> dict[str, tuple[int, float]]:
        """The buckets that other processes have used on this key: requests per seconds of each, by name."""
        async with self._calling:
            if self._clock() < self._retry_at:
                return {}
            try:
                found = await self._row.buckets()
            except SinkError as error:
                self._lost(error)
                return {}
            self._reached()
            return found

    async def take(self, bucket: str, max_slots: int, window: float) -> Slot | float:
        """Give a slot, or the seconds to wait before asking again.

        Args:
            bucket: its name, the same in all processes.
            max_slots: requests that the API allows in `window` seconds. Where other processes use the bucket already,
                theirs count, until `told`. Less than 1 is taken as 1.
            window: in seconds, above 0.

        Raises:
            SchemaMismatch: the table is not as it was made.
            ConfigError: the database no longer takes our credentials.
        """
        stock = self._stock(bucket, max_slots, window)
        if stock.opens_in(self._clock()) != 0:
            await self._ask(stock)
        now = self._clock()
        opens, asks = stock.opens_in(now), stock.asks_in(now)
        if opens == 0:
            stock.expect(now)
            return stock.take()
        if asks is not None:
            asks = max(asks, self._retry_at - now)
        wait = max(0.001, min(span for span in (opens, asks) if span is not None))
        stock.expect(now + wait)
        return wait

    def answered(self, slot: Slot) -> None:
        """Count the request of `slot` as received by the API by now. Call it for refusals and timeouts, too."""
        self._stocks[slot.bucket].answered(slot, self._clock())

    def spent(self, bucket: str, max_slots: int, window: float) -> None:
        """Count a request that was answered just now and had no slot, because nothing was known of the bucket."""
        self._stock(bucket, max_slots, window).spent(self._clock())

    def unsent(self, slot: Slot) -> None:
        """Take `slot` back: no byte of its request was sent."""
        self._stocks[slot.bucket].unsent(slot)

    def told(self, bucket: str, max_slots: int, window: float, remaining: int | None = None) -> None:
        """Take the word of an answer that came just now, for all processes; it goes out with the next call.

        Args:
            bucket: its name.
            max_slots: requests that the API allows in `window` seconds.
            window: in seconds.
            remaining: what it says is left. What it counts and we don't is taken as used by somebody outside.
        """
        self._stock(bucket, max_slots, window).told(max_slots, window, remaining, self._clock())

    async def blocked(self, bucket: str, seconds: float) -> None:
        """Hold all processes back for `seconds` after a refusal; the others learn it with their next call."""
        stock = self._stocks[bucket]
        stock.blocked(self._clock() + seconds)
        async with self._calling:
            if self._clock() >= self._retry_at:
                await self._call(stock, None)

    async def give_back(self, bucket: str) -> None:
        """Give the unused slots to the others. Done anyway once `take` was not called for a while."""
        stock = self._stocks[bucket]
        async with self._calling:
            stock.drop_unused(self._clock())
            await self._call(stock, 0)

    async def keep(self) -> None:
        """Renew leases, tell what was answered and give back what nobody asks for, until cancelled."""
        while True:
            beat = min((stock.life / 4 for stock in self._stocks.values()), default=BEAT)
            await self._sleep(beat)
            for stock in list(self._stocks.values()):
                async with self._calling:
                    now = self._clock()
                    if stock.is_idle or now < max(stock.asked_at + stock.life / 8, self._retry_at):
                        continue
                    forgotten = stock.is_forgotten(now)
                    if forgotten:
                        stock.drop_unused(now)
                    await self._call(stock, 0 if forgotten else None)

    async def close(self) -> None:
        """Tell the last answers and give everything back, if the database was reached the last time."""
        with suppress(TimeoutError, DatasyncError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                for stock in self._stocks.values():
                    if not stock.is_idle and not self._failures:
                        await self.give_back(stock.bucket)

    def _stock(self, bucket: str, max_slots: int, window: float) -> Stock:
        if bucket not in self._stocks:
            self._stocks[bucket] = Stock(bucket, max_slots, window)
        return self._stocks[bucket]

    async def _ask(self, stock: Stock) -> None:
        # A slot that opens soon must not miss its moment because somebody else's call hangs.
        if self._calling.locked() and stock.opens_in(self._clock()) is not None:
            return
        async with self._calling:
            now = self._clock()
            if stock.opens_in(now) != 0 and stock.asks_in(now) == 0 and now >= self._retry_at:
                await self._call(stock, stock.wants or None)

    async def _call(self, stock: Stock, want: int | None) -> None:
        self._epoch += 1
        call = stock.call(self.holder, self._epoch, want, self._clock())
        try:
            turn = await self._row.call(stock.bucket, call)
        except SchemaMismatch:
            raise
        except SinkError as error:
            self._lost(error)
        else:
            failpoint("lease_renewed")
            self._reached()
            stock.learn(call, turn, self._clock())

    def _lost(self, error: SinkError) -> None:
        first, most = RETRY
        self._failures += 1
        pause = min(most, first * 2 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.0)
        self._retry_at = self._clock() + pause
        if self._failures == 1:
            structlog.get_logger().warning(
                "the shared budget can't be reached; requests wait for it", error=str(error), hint=error.hint
            )

    def _reached(self) -> None:
        if self._failures:
            structlog.get_logger().info("the shared budget is reached again", attempts=self._failures)
        self._failures = 0
        self._retry_at = float("-inf")


@asynccontextmanager
async def shared_budget(settings: Settings, origin: str, clock: Callable[[], float]) -> AsyncIterator[SharedBudget]:
    """Connect, keep the leases while the body runs, and give them back.

    Args:
        settings: for the database and the API key.
        origin: of the API; the same key at two APIs has two budgets.
        clock: see SharedBudget.

    Raises:
        SinkError: the database can't be reached, or the table can't be made.
        ConfigError: the database refuses the credentials.
    """
    row = BudgetRow(
        settings.database_url.reveal(),
        key_of(origin, settings.api_key.reveal()),
        connect_timeout=settings.connection.timeout,
    )
    budget = SharedBudget(row, clock)
    try:
        await row.prepare()
        # Not a task group: that would wrap what the body raises. The one task is ended here.
        keeper = asyncio.create_task(budget.keep())
        try:
            yield budget
        finally:
            keeper.cancel()
            # What ended it early, `take` has raised as well.
            with suppress(asyncio.CancelledError, DatasyncError):
                await keeper
            await budget.close()
    finally:
        row.close()
