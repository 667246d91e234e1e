"""Finds the rows that the database refuses, by halving, each piece under a savepoint."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, TypeAlias

import asyncpg

from datasync.errors import RowsRefused
from datasync.model import Reject
from datasync.postgres.errors import refusal_code
from datasync.sinks.postgres.attempts import Attempts
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.rows import Place, Rows
from datasync.sinks.postgres.target import Stored

HOPELESS: Final = 100
"""Rows refused one after the other, with none accepted, after which as many all over the rest are tried: if they are
refused as well, it is the table that is wrong, not the rows."""

PASSES: Final = 3
"""How often rows are tried again that may have been refused because of others."""

_OF_OTHERS: Final = (asyncpg.UniqueViolationError, asyncpg.ExclusionViolationError)

Refusals: TypeAlias = Mapping[Place, asyncpg.PostgresError]
"""Rows that can't be stored, and why."""

Unit: TypeAlias = list[int]
"""Numbers of rows that are stored together: of several with one key the database tells which one is left."""


class Halving:
    """Stores some of the `rows`, and finds those that are `refused`, by their numbers.

    Attributes:
        refused: rows, and why.
        told: units that were stored. Of each the database told what became of it, once.
    """

    def __init__(self, attempts: Attempts, rows: Rows, known: Refusals) -> None:
        """Take the refusals that are `known` already."""
        self._attempts = attempts
        self._rows = rows
        places = [rows.place(row) for row in range(len(rows) if known else 0)]
        self._known = {row: known[place] for row, place in enumerate(places) if place in known}
        # A row that is refused by itself may pass with another one that it names.
        self._hopes = not attempts.circular
        self._against = 0
        self._units: list[Unit] = []
        self._pruned: set[int] = set()  # name nothing that is there, unless further rows are stored
        self.refused: dict[int, asyncpg.PostgresError] = {}
        self.told = 0

    async def put(self, units: Sequence[Unit]) -> Stored:
        """Store the rows of `units`, which ascend.

        Raises:
            RowsRefused: the table refuses every row.
        """
        self.refused |= {row: self._known[row] for unit in units for row in unit if row in self._known}
        left = _without(units, self._known)
        self._units += left
        stored = Stored()
        if self._attempts.circular:
            stored, left = await self._together(left)
        return stored + await self._piece(left)

    async def again(self) -> Stored:
        """Store what was refused only because another row was not yet there, or still was.

        To be called once more when further rows were stored.

        Raises:
            RowsRefused: the table refuses every row.
        """
        stored = Stored()
        for _ in range(PASSES):
            waiting = self._waiting()
            if not waiting:
                break
            self._pruned.clear()
            for row in _rows(waiting):
                del self.refused[row]
            now = Stored()
            if self._attempts.circular:
                now, waiting = await self._together(waiting)
            now += await self._piece(waiting)
            stored += now
            if now == Stored():
                break
        self._pruned.clear()
        if self._attempts.circular and len(self.refused) == len(self._rows) and against(self.refused) >= HOPELESS:
            raise hopeless(self._attempts.target.into, next(iter(self.refused.values())))
        return stored

    def rejects(self) -> list[Reject]:
        """The records of the refused rows."""
        # The message may quote the row; the record itself stands beside it anyway.
        return [self._rows.reject(row, refusal_code(error), str(error)) for row, error in sorted(self.refused.items())]

    def places(self) -> frozenset[Place]:
        """Of the refused rows."""
        return frozenset(map(self._rows.place, self.refused))

    def _waiting(self) -> list[Unit]:
        kinds = (*_OF_OTHERS, asyncpg.ForeignKeyViolationError) if self._attempts.circular else _OF_OTHERS
        others = {row for row, error in self.refused.items() if isinstance(error, kinds)}
        others -= self._known.keys() | self._pruned
        return _without(self._units, set(range(len(self._rows))) - others) if others else []

    async def _together(self, units: list[Unit]) -> tuple[Stored, list[Unit]]:
        """Store at once what names only rows that are stored; give those units that are left to be tried."""
        alone: list[Unit] = []
        while units:
            naming = await self._attempts.naming_nothing(self._rows, _rows(units))
            alone += [unit for unit in units if naming.issuperset(unit)]
            units = [unit for unit in units if not naming.issuperset(unit)]
            stored = await self._keep(units)
            if isinstance(stored, Stored):
                self._pruned.update(_rows(alone))
                return stored, sorted(alone)
            bad = await self._bad(units)
            if not bad:
                break
            self.refused |= bad
            units = _without(units, bad)
        return Stored(), sorted([*alone, *units])

    async def _bad(self, units: Sequence[Unit]) -> dict[int, asyncpg.PostgresError]:
        """The rows that are refused whatever they name: foreign keys are looked at when all else has passed."""
        error = await self._attempts.refusal(self._rows, _rows(units))
        if error is None or isinstance(error, asyncpg.ForeignKeyViolationError):
            return {}
        if len(units) > 1:
            middle = len(units) // 2
            return await self._bad(units[:middle]) | await self._bad(units[middle:])
        if len(units[0]) == 1:
            return {units[0][0]: error}
        bad: dict[int, asyncpg.PostgresError] = {}
        for row in units[0]:
            bad |= await self._bad([[row]])
        return bad or dict.fromkeys(units[0], error)

    async def _piece(self, units: Sequence[Unit]) -> Stored:
        if not units:
            return Stored()
        stored = await self._keep(units)
        if isinstance(stored, Stored):
            return stored
        if len(units) == 1:
            return await self._unit(units[0], stored)
        middle = len(units) // 2
        first = await self._piece(units[:middle])
        return first + await self._piece(units[middle:])

    async def _keep(self, units: Sequence[Unit]) -> Stored | asyncpg.PostgresError:
        stored = await self._attempts.keep(self._rows, _rows(units))
        if isinstance(stored, Stored):
            self.told += len(units)
        return stored

    async def _unit(self, unit: Unit, error: asyncpg.PostgresError) -> Stored:
        """Store what can be stored of a unit that was refused as a whole."""
        bad: dict[int, asyncpg.PostgresError] = {}
        for row in unit if len(unit) > 1 else ():
            if found := await self._attempts.refusal(self._rows, [row]):
                bad[row] = found
        if not bad:
            bad = dict.fromkeys(unit, error)
        self.refused |= bad
        self._against += against(bad)
        if self._hopes and unit[-1] + 1 == len(self.refused) and self._against >= HOPELESS:
            self._hopes = False
            if not await self._takes_any(unit[-1] + 1):
                raise hopeless(self._attempts.target.into, error) from error
        good = [row for row in unit if row not in bad]
        return await self._piece([good]) if good else Stored()

    async def _takes_any(self, start: int) -> bool:
        """Whether the database takes one of the rows from `start` on. Stores nothing."""
        for row in _spread(start, len(self._rows)):
            error = await self._attempts.refusal(self._rows, [row])
            if error is None or isinstance(error, _OF_OTHERS):
                return True
        return False


def against(refused: Mapping[Any, asyncpg.PostgresError]) -> int:
    """How many are refused for themselves, and not because the table has another row."""
    return sum(not isinstance(error, _OF_OTHERS) for error in refused.values())


def hopeless(table: TableName, error: asyncpg.PostgresError) -> RowsRefused:
    """The error of a table that refuses everything, as with this `error`."""
    return RowsRefused(
        f"`{table}` refused each of the first {HOPELESS} records, the last with: {error} (SQLSTATE {error.sqlstate})",
        hint="look at the constraints and triggers of the table; nothing of this batch was stored or quarantined",
        sqlstate=error.sqlstate or "",
    )


def _rows(units: Sequence[Unit]) -> list[int]:
    return [row for unit in units for row in unit]


def _without(units: Sequence[Unit], rows: Container[int]) -> list[Unit]:
    found = ([row for row in unit if row not in rows] for unit in units)
    return [unit for unit in found if unit]


def _spread(start: int, stop: int) -> range:
    """At most `HOPELESS` numbers, evenly over these, the last one among them."""
    return range(stop - 1, start - 1, -max(1, -(-(stop - start) // HOPELESS)))
