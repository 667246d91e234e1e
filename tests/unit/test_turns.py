"""In which order batches are committed, and what they know of each other."""

import asyncio

import pytest

from datasync.model import Chunk
from datasync.sinks.postgres.rows import Rows, sort
from datasync.sinks.postgres.turns import Turns
from tests.events import PLAN


def rows(*keys: str) -> Rows:
    some = [(key, None, None, "{}") for key in keys]
    return sort([Chunk(len(some), 1, len(some), (), None, None, None, None, None, rows=some)], PLAN.columns)


@pytest.mark.parametrize(("mine", "meets"), [(("c", "d"), False), (("b", "c"), True)])
def test_whether_batches_meet_is_told_once_the_earlier_one_is_known(mine: tuple[str, ...], *, meets: bool) -> None:
    async def main() -> None:
        turns = Turns()
        first, second = turns.take(), turns.take()
        asked = asyncio.create_task(turns.crosses(second, rows(*mine)))
        await asyncio.sleep(0)
        assert not asked.done()
        await turns.writes(first, rows("a", "b"))
        assert await asked is meets

    asyncio.run(main())


def test_a_batch_that_is_committed_meets_none() -> None:
    async def main() -> None:
        turns = Turns()
        first, second = turns.take(), turns.take()
        asked = asyncio.create_task(turns.crosses(second, rows("a")))
        await asyncio.sleep(0)
        await turns.writes(first, rows("a"))
        await turns.over(first)
        assert await asked is False

    asyncio.run(main())
