"""A request that is sent before it is known to be wanted."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest

from datasync.errors import PageDamaged
from datasync.http.transport import Answer
from datasync.model import Checkpoint, Chunk, PartitionState
from datasync.pipeline.ahead import Ahead, Arrived
from datasync.pipeline.memory import FIRST_GUESS, Memory, cost
from datasync.pipeline.partition import Fetched, Partition
from datasync.pipeline.rejects import RejectLimit
from datasync.pipeline.shutdown import Stop
from datasync.pipeline.timeline import TimeLine
from datasync.pipeline.workers import Workers
from datasync.stats import RunStats

MEMORY = Memory(100 * FIRST_GUESS, 1)


async def reply() -> Arrived:
    return Arrived(Answer(200, {}, b"{}", 2, 0), None, await MEMORY.room())


def test_an_answer_is_given_for_its_cursor_alone_and_once() -> None:
    async def main() -> None:
        ahead = Ahead()
        before = time.monotonic()
        ahead.ask("b", reply())
        assert before <= ahead.asked_at <= time.monotonic()
        first, again = await ahead.take("b"), await ahead.take("b")
        assert first is not None
        assert (first.answer.body, again) == (b"{}", None)
        first.room.release()
        ahead.ask("c", reply())
        assert [await ahead.take("b"), await ahead.take("c")] == [None, None]

    asyncio.run(main())


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_an_answer_that_nobody_takes_gives_its_memory_back(rounds: int) -> None:
    async def main() -> None:
        ahead = Ahead()
        ahead.ask("b", reply())
        for _ in range(rounds):
            await asyncio.sleep(0)
        await ahead.drop()
        assert MEMORY.used == 0

    asyncio.run(main())


class Damaged:
    """A partition that has asked for its second page when its first one turns out to be damaged."""

    def __init__(self) -> None:
        self.ahead = Ahead()

    async def page(self) -> Fetched | None:
        self.ahead.ask("second", reply())
        raise PageDamaged("for the test")

    async def close(self) -> None:
        await self.ahead.drop()


def test_what_was_asked_for_ahead_of_a_first_page_that_fails_is_dropped() -> None:
    async def main() -> None:
        damaged = Damaged()
        line = TimeLine([PartitionState()], None)
        workers = Workers(1, line, lambda _: cast("Partition", damaged), RunStats(), Stop(), MEMORY, RejectLimit(1.0))
        with pytest.raises(PageDamaged):
            await workers.first()
        await workers.close()
        assert not damaged.ahead.under_way

    asyncio.run(main())


class Good:
    """A partition whose first page is there."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk

    async def page(self) -> Fetched | None:
        room = await MEMORY.room()
        room.keep(10, cost(self.chunk))
        return 0, self.chunk, Checkpoint("next")

    async def close(self) -> None: ...


def test_a_first_page_that_nobody_takes_gives_its_memory_back() -> None:
    async def main() -> None:
        good = Good(Chunk(1, 1000, 1, (), None, None, None, None, None))
        line = TimeLine([PartitionState()], None)
        workers = Workers(1, line, lambda _: cast("Partition", good), RunStats(), Stop(), MEMORY, RejectLimit(1.0))
        await workers.first()
        assert MEMORY.used > 0
        for _ in range(2):
            await workers.close()
            assert MEMORY.used == 0

    asyncio.run(main())
