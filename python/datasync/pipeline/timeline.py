"""The line of time, and how a part of it is shared."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import msgspec

from datasync.errors import ConfigError
from datasync.model import PartitionState, Position, Window
from datasync.pipeline.line import EDITED, Line, Part, check

MIN_SPAN = 1000
"""Milliseconds. No shorter window is made by sharing."""


class _Rest(msgspec.Struct, frozen=True):
    """What is left of a part, once the page that is under way has come. An estimate."""

    part: Part
    top: float
    bottom: float

    @property
    def records(self) -> float:
        return max(0.0, self.top - self.bottom) * self.part.density


class TimeLine(Line):
    """The line of time. A part of it is read from its newest moment to its oldest.

    A window that turns out to be empty has cost one request; a record is never missed because an estimate was wrong.
    """

    def __init__(self, states: Sequence[PartitionState], moment: Callable[[Position], int] | None) -> None:
        """Take the stored partitions, and what tells the moment of a position.

        Raises:
            ConfigError: the windows are not the whole line, or a position is none.
        """
        check(states, [(state.window.since, state.window.until) for state in states], "time")
        try:
            super().__init__(
                [
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
            )
        except (LookupError, TypeError, ValueError) as error:
            raise ConfigError("a position in `stream_partitions` is none of this endpoint", hint=EDITED) from error

    def share(self, idle: int) -> Mapping[int, Window]:
        """See Line. The reader keeps the newest piece, and no piece is worth less than a page."""
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
            new = self._add(Window(since, until), at=until, density=part.density)
            changed[new.number] = new.window
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
