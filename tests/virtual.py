"""Virtual time for coroutines that talk to a real PostgreSQL: its clock follows, and real waiting moves no clock."""

import asyncio
import heapq
from collections.abc import Awaitable
from itertools import count
from typing import TypeVar

import asyncpg

from tests.support import Database

T = TypeVar("T")

START = 1_700_000_000.0

# Found before pg_catalog's own by the search path.
_CLOCK = """
CREATE TABLE test_clock (now TIMESTAMPTZ NOT NULL);
INSERT INTO test_clock VALUES (to_timestamp({start}));
CREATE FUNCTION clock_timestamp() RETURNS TIMESTAMPTZ VOLATILE LANGUAGE sql AS 'SELECT now FROM public.test_clock';
ALTER DATABASE "{name}" SET search_path = public, pg_catalog;
"""


def put_clock(database: Database) -> None:
    """Give `database` a clock that a VirtualTime sets. New connections see it."""
    database.execute(_CLOCK.format(start=START, name=database.name))


class VirtualTime:
    """A clock that jumps to the next moment for which somebody sleeps, once everybody does."""

    def __init__(self, dsn: str) -> None:
        self.now = START
        self._dsn = dsn
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._real = asyncio.Lock()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), future))
        await future

    async def real(self, work: Awaitable[T]) -> T:
        """Await something that takes real time; the database's clock is set to ours before."""
        async with self._real:
            if self._connection is None:
                self._connection = await asyncpg.connect(self._dsn)
            await self._connection.execute("UPDATE test_clock SET now = to_timestamp($1::float8)", self.now)
            return await work

    async def run(self, seconds: float) -> None:
        """Let `seconds` pass."""
        end = self.now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self.now = at
                future.set_result(None)
                await self._settle()
        self.now = end

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
            async with self._real:
                pass
