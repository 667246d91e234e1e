"""The line of time: which partition reads which part of it, and how a part is shared."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import msgspec

from datasync.errors import ConfigError
from datasync.model import Checkpoint, PartitionState, Position, Window

_EDITED = "somebody changed it; run with --restart to read from the beginning"

MIN_SPAN = 1000
"""Milliseconds. No shorter window is made by sharing."""


class Part(msgspec.Struct):
    """A partition's place on the line. It is read from its newest moment to its oldest.

    Attributes:
        window: shrinks from below when the part is shared. Whoever reads the part asks for the window as it is then.
        checkpoint: after the last page in hand.
        at: moment that was reached, in milliseconds since 1970; what follows is no newer. None is not known.
        density: records per millisecond on the last page, or of the part it was cut from; 0 is not known.
        page: the most records a page had, in this run.
        taken: somebody reads it.
    """

    number: int
    window: Window
    checkpoint: Checkpoint
    at: int | None
    density: float = 0.0
    page: int = 0
    taken: bool = False

    def passes(self, at: int | None) -> bool:
        """Whether a page that leads to the moment `at` leaves nothing of the window to read."""
        return at is not None and self.window.since is not None and at < self.window.since

    def advance(self, checkpoint: Checkpoint, *, records: int, newest: int | None, at: int | None) -> None:
        """Note a page of so many `records`, the `newest` of them from then; it leads to `at`."""
        self.checkpoint = checkpoint
        self.page = max(self.page, records)
        if at is None:
            return
        before = newest if self.at is None else self.at
        if records and before is not None:
            self.density = records / max(1, before - at)
        self.at = at if self.at is None else min(at, self.at)

    def rewind(self) -> None:
        """Go back to the window's beginning. What was counted stays counted: `served` counts repeats, too."""
        self.checkpoint = msgspec.structs.replace(self.checkpoint, cursor=None, position=None)
        self.at = self.window.until


class _Rest(msgspec.Struct, frozen=True):
    """What is left of a part, once the page that is under way has come. An estimate."""

    part: Part
    top: float
    bottom: float

    @property
    def records(self) -> float:
        return max(0.0, self.top - self.bottom) * self.part.density


class Line:
    """All partitions of a stream. Together their windows are the whole line: no gap, no overlap, at any time.

    A window that turns out to be empty has cost one request; a record is never missed because an estimate was wrong.
    """

    def __init__(self, states: Sequence[PartitionState], moment: Callable[[Position], int] | None) -> None:
        """Take the stored partitions, and what tells the moment of a position.

        Raises:
            ConfigError: the windows are not the whole line, or a position is none.
        """
        _check(states)
        try:
            self.parts = [
                Part(
                    state.number,
                    state.window,
                    state.checkpoint,
                    at=moment(state.checkpoint.position)
                    if moment and state.checkpoint.position
                    else state.window.until,
                )
                for state in states
            ]
        except (LookupError, TypeError, ValueError) as error:
            raise ConfigError("a position in `stream_partitions` is none of this endpoint", hint=_EDITED) from error

    @property
    def done(self) -> bool:
        """Every part was read to its end."""
        return all(part.checkpoint.complete for part in self.parts)

    def claim(self) -> Part | None:
        """Take a part that nobody reads, or give None."""
        for part in self.parts:
            if not part.taken and not part.checkpoint.complete:
                part.taken = True
                return part
        return None

    def share(self, idle: int) -> Mapping[int, Window]:
        """Cut the part with the most left to read, for `idle` workers that have none. Give all windows that changed.

        Its reader keeps the newest piece; the others can be claimed. It is cut in two; the only part left is cut in as
        many pieces as there are workers. No piece is worth less than a page, by what is known. With nothing to cut the
        result is empty: ask again when a page has come.
        """
        page = max(part.page for part in self.parts)
        active = [part for part in self.parts if not part.checkpoint.complete]
        rests = self._rests(active, page)
        if idle < 1:
            return {}
        # Only where a page has come: cut before its first answer, an empty window would be cut again and again.
        rest = max((rest for rest in rests if rest.part.page), key=lambda rest: rest.records, default=None)
        if rest is None:
            return {}
        span = rest.top - rest.bottom
        wanted = idle + 1 if len(active) == 1 else 2
        pieces = min(wanted, int(rest.records // page), int(span // MIN_SPAN))
        if pieces < 2:
            return {}
        cuts = [math.floor(rest.top - span * n / pieces) for n in range(1, pieces)]
        return self._cut(rest.part, cuts)

    def _cut(self, part: Part, cuts: Sequence[int]) -> Mapping[int, Window]:
        oldest = part.window.since
        part.window = Window(cuts[0], part.window.until)
        changed = {part.number: part.window}
        for until, since in pairwise([*cuts, oldest]):
            number = max(part.number for part in self.parts) + 1
            new = Part(number, Window(since, until), Checkpoint(), at=until, density=part.density)
            self.parts.append(new)
            changed[number] = new.window
        return changed

    def _rests(self, active: Sequence[Part], page: int) -> list[_Rest]:
        known = [part for part in active if part.at is not None and part.density]
        rests = [
            _Rest(part, part.at - page / part.density, part.window.since)
            for part in known
            if part.at is not None and part.window.since is not None
        ]
        elsewhere = sum(rest.records for rest in rests)
        for part in known:
            if part.at is not None and part.window.since is None:
                top = part.at - page / part.density
                # Before 1970 there is no need to look in pieces: the oldest window has no end anyway.
                rests.append(_Rest(part, top, max(0.0, top - (self._unseen() - elsewhere) / part.density)))
        return rests

    def _unseen(self) -> int:
        """Records that nobody has read: by the API's word, or else as many as were read."""
        served = sum(part.checkpoint.served for part in self.parts)
        totals = [part.checkpoint.total for part in self.parts if part.checkpoint.total is not None]
        return max(0, max(totals) - served) if totals else served


def _check(states: Sequence[PartitionState]) -> None:
    windows = sorted((state.window for state in states), key=lambda w: -math.inf if w.since is None else w.since)
    whole = windows and windows[0].since is None and windows[-1].until is None
    if not whole or any(older.until is None or older.until != newer.since for older, newer in pairwise(windows)):
        raise ConfigError(
            "the windows in `stream_partitions` are not the whole line of time",
            hint=_EDITED,
        )
    for state in states:
        try:
            msgspec.convert(msgspec.to_builtins(state), PartitionState)
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"partition {state.number} in `stream_partitions` can't be read: {error}", hint=_EDITED
            ) from error
