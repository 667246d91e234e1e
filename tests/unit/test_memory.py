"""One budget of memory for all pages: never more, and never a standstill."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.model import Chunk, Reject
from datasync.pipeline.memory import FIRST_GUESS, Memory, cost

UNIT = FIRST_GUESS


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def waits(work: Coroutine[Any, Any, Any]) -> bool:
    """Whether it does, now that everybody who can has gone on. It is given up."""
    task = asyncio.ensure_future(work)
    await settled()
    waiting = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return waiting


def test_requests_wait_while_pages_take_half_of_the_budget() -> None:
    async def main() -> None:
        memory = Memory(8 * UNIT, 1)
        rooms = [await memory.room() for _ in range(4)]
        assert await waits(memory.room())
        rooms[0].release()
        assert not await waits(memory.room())

    asyncio.run(main())


def test_the_other_half_is_for_the_first_page_that_needs_more() -> None:
    async def main() -> None:
        memory = Memory(8 * UNIT, 1)
        first, second, third, _ = [await memory.room() for _ in range(4)]
        await second.cover(4 * UNIT)
        assert await waits(first.cover(2 * UNIT))
        second.keep(4 * UNIT, 4 * UNIT)
        assert await waits(third.cover(3 * UNIT)), "what was made of it is not stored"
        memory.free(4 * UNIT)
        await third.cover(4 * UNIT)

    asyncio.run(main())


def test_the_next_request_takes_as_much_as_the_largest_page_so_far_took() -> None:
    async def main() -> None:
        memory = Memory(100 * UNIT, 3)
        room = await memory.room()
        room.keep(5 * UNIT, 0)
        await memory.room()
        assert memory.used == 15 * UNIT

    asyncio.run(main())


def test_pages_weigh_more_once_their_rows_did() -> None:
    async def main() -> None:
        memory = Memory(64 * UNIT, 2)
        assert memory.page_limit == 16 * UNIT
        (await memory.room()).keep(UNIT, 8 * UNIT)
        assert (memory.page_limit, memory.used) == (4 * UNIT, 8 * UNIT)
        (await memory.room()).keep(10, 1000)
        assert memory.page_limit == 4 * UNIT, "a page of ten bytes says nothing"

    asyncio.run(main())


def test_rejects_and_the_copy_on_the_way_to_the_database_count() -> None:
    refused = Chunk(0, 10, 1, [Reject(None, 0, 0, "code", "", b"x" * 1000)], None, None, None, None, None, rows=[])
    assert cost(refused) >= 2 * 1010


@given(
    pages=st.lists(
        st.tuples(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 1), st.sampled_from([0, 1, 2])),
        min_size=1,
        max_size=30,
    ),
    readers=st.integers(1, 10),
    slots=st.integers(1, 10),
    budget=st.sampled_from([8, 16, 40]),
)
def test_whatever_comes_the_budget_holds_and_everybody_is_served(
    pages: list[tuple[list[float], float, int]], readers: int, slots: int, budget: int
) -> None:
    """Readers wait for a slot with their room in hand, pages grow, fail or are kept, and the writer is late."""

    async def main() -> None:
        memory = Memory(budget * UNIT, 2)
        permit = asyncio.Semaphore(slots)
        box: asyncio.Queue[int | None] = asyncio.Queue()
        left = list(pages)

        async def read() -> None:
            while left:
                steps, share, rests = left.pop()
                with await memory.room() as room:
                    async with permit:
                        for step in sorted(steps):
                            await room.cover(int(step * memory.page_limit))
                            assert memory.used <= budget * UNIT
                            for _ in range(rests):
                                await asyncio.sleep(0)
                    if share > 0.2:  # else it was damaged
                        size = int(max(steps) * memory.page_limit)
                        room.keep(size, int(2 * size * share))
                        await box.put(int(2 * size * share))

        async def write() -> None:
            while (kept := await box.get()) is not None:
                await asyncio.sleep(0)
                memory.free(kept)

        writer = asyncio.ensure_future(write())
        async with asyncio.timeout(10):
            await asyncio.gather(*(read() for _ in range(readers)))
            await box.put(None)
            await writer
        assert memory.used == 0

    asyncio.run(main())


@pytest.mark.parametrize("growing", [False, True])
def test_who_gives_up_waiting_holds_nothing(growing: bool) -> None:
    async def main() -> None:
        memory = Memory(4 * UNIT, 1)
        first = await memory.room()
        with await memory.room() as second:
            await first.cover(2 * UNIT)
            assert await waits(second.cover(2 * UNIT) if growing else memory.room())
        first.release()
        assert memory.used == 0
        assert not await waits(memory.room())

    asyncio.run(main())
