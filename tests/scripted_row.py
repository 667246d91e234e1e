"""A budget that processes share, without a database: the row is scripted and the clock is the test's."""

import asyncio
from collections.abc import Awaitable, Callable

from datasync.errors import SinkError
from datasync.limits.shared import SharedBudget
from datasync.limits.shared_row import Call, Turn
from datasync.limits.shared_stock import Slot
from tests.support import Clock

LIMIT = (16, 40.0)
LIFE = 10.0


class ScriptedRow:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.opens_in: list[float] = []
        self.wait = 0.0
        self.lease = 1
        self.blocked = 0.0
        self.error: SinkError | None = None
        self.asked = 0
        self.lives: dict[str, float] = {}
        self.buckets_called: list[str] = []
        self.answer = asyncio.Event()
        self.answer.set()

    async def buckets(self) -> dict[str, tuple[int, float]]:
        self.asked += 1
        return {}

    async def call(self, bucket: str, call: Call) -> Turn:
        self.buckets_called.append(bucket)
        self.calls.append(call)
        await self.answer.wait()
        if self.error:
            raise self.error
        opens_in, self.opens_in = self.opens_in, []
        return Turn(
            opens_in if call.want else [], self.wait, self.lease, self.lives.get(bucket, LIFE), self.blocked, *LIMIT
        )


def played(use: Callable[[SharedBudget, ScriptedRow, Clock], Awaitable[None]]) -> None:
    async def main() -> None:
        clock, row = Clock(), ScriptedRow()
        await use(SharedBudget(row, clock, clock.sleep), row, clock)

    asyncio.run(main())


async def take(budget: SharedBudget) -> Slot:
    turn = await budget.take("events", *LIMIT)
    assert isinstance(turn, Slot)
    return turn
