"""One budget of bytes for everything between the socket and the database: pages, what waits, what is being written."""

import asyncio
import math
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from datasync.model import Chunk

FIRST_GUESS: Final = 1024 * 1024
"""Bytes of a page, before the first one has come."""

REJECT: Final = 200
"""Bytes of a refused record besides its own: the object, its place and its reason."""

ELEMENT: Final = 100
"""Bytes of the row of an element, for a table of its own, with its place. The key is the record's."""

VALUE: Final = 50
"""Bytes of each value in it, besides what it says: that counts as part of the record."""


def held(chunk: Chunk) -> int:
    """Bytes of memory that an encoded page holds: its rows, those of elements, and what of it was refused."""
    return chunk.nbytes + sum(len(reject.raw) for reject in chunk.rejects) + _objects(chunk)


def cost(chunk: Chunk) -> int:
    """Bytes of memory that an encoded page takes until it is stored.

    Sorting a batch and sending it take some more than its rows, and are counted as much as those; rows of Python
    objects are larger than what they hold.
    """
    sent = chunk.nbytes + sum(len(reject.raw) for reject in chunk.rejects)
    kept = len(chunk.original.body) if chunk.original is not None else 0
    return sent * (2 if chunk.copy is not None else 4) + _objects(chunk) + kept


def _objects(chunk: Chunk) -> int:
    # The first two columns are the key and the place.
    elements = sum(len(one.rows) * (ELEMENT + VALUE * (len(one.columns) - 2)) for one in chunk.children)
    return REJECT * len(chunk.rejects) + elements


class Memory:
    """A hard budget, for all partitions together.

    A page takes room before its request is sent: as much as the largest page so far. It takes more while it comes, if
    need be, and what was made of it keeps its part until it is stored. All this comes out of one half of the budget.
    The other half is for one page at a time, the first that needs more than it took, and no page may need more than
    that. So one can always go on, however much the others hold, once the writer has stored what waits. The writer
    waits for no room.
    """

    def __init__(self, nbytes: int, weight: int) -> None:
        """Take `weight`: how many bytes of memory a byte of a page takes at most, from its arrival on."""
        self._nbytes = nbytes
        self._weight = weight
        self._used = 0
        self._largest = FIRST_GUESS
        self._first: Room | None = None  # of the pages that came larger than expected
        self._changed = asyncio.Event()

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        return self._used

    @property
    def page_limit(self) -> int:
        """Bytes of the largest page that finds room."""
        return self._nbytes // 2 // self._weight

    async def room(self) -> "Room":
        """Wait for room for a page as large as the largest so far."""
        held = self._weight * min(self._largest, self.page_limit)
        await self._take(held, lambda: self._nbytes // 2)
        return Room(self, held)

    def free(self, nbytes: int) -> None:
        """Say that pages which cost so much are stored."""
        self._used -= nbytes
        self._changed.set()

    async def grow(self, room: "Room", page: int, held: int) -> int:
        """Wait until a page of so many bytes, which holds `held`, may hold what it needs. Give that; see Room."""
        need = self._weight * page
        if need <= held:
            return held

        def most() -> int:
            self._first = self._first or room
            return self._nbytes if self._first is room else self._nbytes // 2

        await self._take(need - held, most)
        return need

    def settle(self, room: "Room", held: int, *, page: int = 0, kept: int = 0) -> None:
        """Give back what a page holds but for what is `kept` of it; see Room."""
        self._first = None if self._first is room else self._first
        self._largest = max(self._largest, page)
        if page >= FIRST_GUESS and kept > self._weight * page:
            # Rows larger than their records were expected to make them: the pages to come weigh as much. Of small ones
            # the envelope says too little.
            self._weight = math.ceil(kept / page)
        self.free(held - kept)

    async def _take(self, nbytes: int, most: Callable[[], int]) -> None:
        while self._used + nbytes > most():
            self._changed.clear()
            await self._changed.wait()
        self._used += nbytes


class Room:
    """What one page takes of the budget, from before its request until it is encoded. Give back by `with`."""

    def __init__(self, memory: Memory, held: int) -> None:
        self._memory = memory
        self._held = held

    @property
    def limit(self) -> int:
        """Bytes of the largest page that finds room."""
        return self._memory.page_limit

    async def cover(self, page: int) -> None:
        """Wait for room for a page of so many bytes, at most `limit`. What was covered before counts."""
        self._held = await self._memory.grow(self, page, self._held)

    def keep(self, page: int, kept: int) -> None:
        """The page had so many bytes, and so many of memory stay taken until `Memory.free`."""
        held, self._held = self._held, 0
        self._memory.settle(self, held, page=page, kept=kept)

    def release(self) -> None:
        """Give everything back. May be called again."""
        held, self._held = self._held, 0
        self._memory.settle(self, held)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
