"""Those who fetch: each reads one partition to its end, then takes another, or half of the largest one left."""

import asyncio
from collections.abc import Callable

from datasync.failpoints import failpoint
from datasync.pipeline.line import Line, Part
from datasync.pipeline.memory import Memory, cost
from datasync.pipeline.outbox import Outbox
from datasync.pipeline.partition import Fetched, Partition
from datasync.pipeline.rejects import RejectLimit
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.stats import RunStats


class Workers:
    """So many readers of one line, all into one outbox. With one of them nothing is ever shared."""

    def __init__(
        self,
        count: int,
        line: Line,
        read: Callable[[Part], Partition],
        stats: RunStats,
        stop: Stop,
        memory: Memory,
        rejects: RejectLimit,
    ) -> None:
        """Take `read`, which makes the partition that reads a part.

        Its pages hold a part of the `memory`. With `rejects` the run ends before it fetches more that is of no use.
        """
        self._count = count
        self._line = line
        self._read = read
        self._stats = stats
        self._stop = stop
        self._memory = memory
        self._rejects = rejects
        self._busy = 0
        self._changed = asyncio.Condition()
        self._opening: Partition | None = None
        self._first: tuple[Partition, Fetched] | None = None

    async def first(self) -> None:
        """Fetch the first page: it is good, or raises. `run` goes on from it.

        Raises:
            SourceError: the API.
        """
        part = self._line.claim()
        assert part is not None  # the caller has looked that something is left
        # Kept before the page is there: where it fails, the request ahead of it is under way already.
        self._opening = partition = self._read(part)
        page = await partition.page()
        assert page is not None  # an incomplete partition has one
        self._first = partition, page

    async def close(self) -> None:
        """Drop what is under way, and the first page if nobody has it."""
        first, self._first = self._first, None
        if first is not None:
            self._memory.free(cost(first[1][1]))
        if self._opening is not None:
            await self._opening.close()

    async def run(self, outbox: Outbox) -> None:
        """Read everything. Returns early when a stop is requested, once the answers on their way are there.

        Raises:
            TooManyRejects: more than the run may bear.
            SourceError: one chain can't go on. The others were cut short; what they put into the outbox is good.
        """
        first, self._first = self._first, None
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._count):
                    group.create_task(self._work(outbox, first if number == 0 else None))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group.exceptions[0].__cause__

    async def _work(self, outbox: Outbox, first: tuple[Partition, Fetched] | None) -> None:
        if first is not None:
            await self._read_on(*first, outbox)
        while (partition := await self._next(outbox)) is not None:
            await self._read_on(partition, None, outbox)

    async def _read_on(self, partition: Partition, page: Fetched | None, outbox: Outbox) -> None:
        """Read a partition to its end, or until a stop is requested; `page` is one that is in hand already."""
        self._busy += 1
        try:
            page = page or await partition.page()
            while page is not None:
                await outbox.put(*page)
                self._rejects.page(page[1])
                failpoint("enqueued")
                await self._tell()
                # What is on its way already when a stop is requested is stored, too.
                alone = self._stop.requested
                page = None if alone and not partition.under_way else await partition.page(alone=alone)
        except Stopped:
            pass  # the others have answers on their way
        finally:
            await partition.close()
            self._busy -= 1
            await self._tell()

    async def _next(self, outbox: Outbox) -> Partition | None:
        """The partition to read next, cut off another one if need be; None when there will be none."""
        async with self._changed:
            while not (self._stop.requested or self._line.done):
                if (part := self._line.claim()) is not None:
                    return self._read(part)
                if windows := self._line.share(self._count - self._busy):
                    self._stats.splits += len(windows) - 1
                    outbox.share(windows)
                else:
                    await self._changed.wait()
        return None

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
