"""Batches are committed in the order in which they came, whoever writes them."""

import asyncio

from datasync.sinks.postgres.rows import Rows


class GiveWay(Exception):
    """An earlier batch is held up, perhaps by what this one's transaction holds, where PostgreSQL sees no deadlock."""


class Turns:
    """Numbers batches, and tells each when the one before it is committed.

    A number whose batch fails is never over, and no later batch is committed.
    """

    def __init__(self, last: int = 0) -> None:
        """Take the number of the `last` batch that is committed."""
        self._given = last
        self._over = last
        self._changed = asyncio.Condition()
        self._rows: dict[int, Rows] = {}
        self._held_up: set[int] = set()

    def take(self) -> int:
        """The number of the batch that comes next."""
        self._given += 1
        return self._given

    async def near(self, number: int, writers: int) -> None:
        """Wait until a batch is one of the next that so many `writers` can have in hand.

        Else later ones could take all writers, and wait for an earlier one that gets none.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: number <= self._over + writers)

    async def mine(self, number: int, *, holding: bool = True) -> None:
        """Wait until the batch before is committed; `holding` a transaction open, unless told.

        Raises:
            GiveWay: an earlier batch can't get on. Roll back, and wait without a transaction.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._over == number - 1 or (holding and self._gives_way(number)))
        if self._over != number - 1:
            raise GiveWay

    async def give_way(self, number: int) -> None:
        """Have all later batches let go of what they hold until this one is committed."""
        async with self._changed:
            self._held_up.add(number)
            self._changed.notify_all()

    def _gives_way(self, number: int) -> bool:
        return any(earlier < number for earlier in self._held_up)

    async def writes(self, number: int, rows: Rows) -> None:
        """Say what a batch is about to write, before it has a writer: the next one wants to know."""
        async with self._changed:
            self._rows[number] = rows
            self._changed.notify_all()

    async def crosses(self, number: int, rows: Rows) -> bool:
        """Whether an earlier batch, not committed yet, has a key of these `rows`, or may have.

        Then the two would wait for each other: this one for that one's row, in the server, and that one for its turn
        to come back, perhaps. PostgreSQL sees no deadlock there. Waits until all earlier ones have said what they
        write, which takes none of them a writer.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: all(earlier in self._rows for earlier in self._before(number)))
            return any(rows.meets(self._rows[earlier]) for earlier in self._before(number))

    def _before(self, number: int) -> range:
        return range(self._over + 1, number)

    async def over(self, number: int) -> None:
        """Say that a batch is committed."""
        async with self._changed:
            self._rows.pop(number, None)
            self._held_up.discard(number)
            self._over = number
            self._changed.notify_all()
