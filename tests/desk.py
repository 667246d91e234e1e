"""Calls to the row of a shared budget as its holders would make them, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import asyncpg

from datasync.limits.shared_row import BudgetRow, Call, Turn, key_of
from tests.support import API_KEY, Database
from tests.virtual import VirtualTime, put_clock

WINDOW = 60.0
LIFE = 10.0
"""Of a lease, with that window."""
KEY = key_of("https://api.example.com", API_KEY)


class Desk:
    """The row, and what the holders `a`, `b`, .. said last."""

    def __init__(self, dsn: str, max_slots: int = 10) -> None:
        self.time = VirtualTime(dsn)
        self.row = BudgetRow(dsn, KEY, connect_timeout=5)
        self._dsn = dsn
        self._max_slots = max_slots
        self._epochs = count(1)
        self._heard: dict[str, tuple[int, int]] = {}

    async def call(self, holder: str, *, lost: bool = False, **said: Any) -> Turn:
        """Call as the holder would, whose answer may be lost."""
        epoch = next(self._epochs)
        heard, lease = self._heard.get(holder, (0, 0))
        defaults: dict[str, Any] = {"holder": holder, "epoch": epoch, "lease": lease, "heard": heard}
        call = Call(**defaults | {"max_slots": self._max_slots, "window": WINDOW} | said)
        turn = await self.time.real(self.row.call("events", call))
        if not lost:
            self._heard[holder] = epoch, turn.lease
        return turn

    async def row_now(self) -> asyncpg.Record:
        """The row as it is stored."""
        connection = await asyncpg.connect(self._dsn)
        row = await connection.fetchrow("SELECT * FROM datasync_budget")
        await connection.close()
        assert row is not None
        return row


def at_desk(database: Database, use: Callable[[Desk], Awaitable[None]], max_slots: int = 10) -> None:
    """Let `use` call the row in `database`, which gets a clock of ours."""

    async def main() -> None:
        desk = Desk(database.dsn, max_slots)
        try:
            await desk.row.prepare()
            await use(desk)
        finally:
            desk.row.close()
            await desk.time.close()

    put_clock(database)
    asyncio.run(main())
