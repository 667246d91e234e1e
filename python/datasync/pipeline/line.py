"""The line that a stream is read along: which partition reads which part of it, and that none is missing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import msgspec

from datasync.errors import ConfigError
from datasync.model import Checkpoint, PartitionState, Window

EDITED: Final = "somebody changed it; run with --restart to read from the beginning"

Bounds: TypeAlias = tuple[int | None, int | None] | tuple[str | None, str | None]


class Part(msgspec.Struct):
    """A partition's place on the line.

    Attributes:
        window: shrinks when the part is shared. Whoever reads the part asks for the window as it is then.
        checkpoint: after the last page in hand.
        at: of a window of time, moment that was reached, in milliseconds since 1970; what follows is no newer. None is
            not known.
        density: records per millisecond on the last page, or of the part it was cut from; 0 is not known.
        page: the most records a page had, in this run.
        taken: somebody reads it.
    """

    number: int
    window: Window
    checkpoint: Checkpoint
    at: int | None = None
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


class Line(ABC):
    """All partitions of a stream. Together their windows are the whole line: no gap, no overlap, at any time."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Take the parts, whose windows were looked at."""
        self.parts = list(parts)

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

    @abstractmethod
    def share(self, idle: int) -> Mapping[int, Window]:
        """Cut the part with the most left to read, for `idle` workers that have none. Give all windows that changed.

        Its reader keeps the piece that it reads; the others can be claimed. It is cut in two; the only part left is cut
        in as many pieces as there are workers. No piece is worth less than a request, by what is known. With nothing to
        cut the result is empty: ask again when a page has come.
        """

    def _add(self, window: Window, *, at: int | None = None, density: float = 0.0) -> Part:
        number = max(part.number for part in self.parts) + 1
        self.parts.append(part := Part(number, window, Checkpoint(), at=at, density=density))
        return part


def check(states: Sequence[PartitionState], line: Sequence[Bounds], what: str) -> None:
    """Hold that stored windows, each with its bounds on the `line`, are the whole of it.

    Raises:
        ConfigError: they aren't, or a state can't be read. `what` is the line.
    """
    begun = [bounds for bounds in line if bounds[0] is None]
    windows = begun + sorted(bounds for bounds in line if bounds[0] is not None)
    whole = len(begun) == 1 and windows[-1][1] is None
    if not whole or any(one[1] is None or one[1] != other[0] for one, other in pairwise(windows)):
        raise ConfigError(f"the windows in `stream_partitions` are not the whole line of {what}", hint=EDITED)
    for state in states:
        try:
            msgspec.convert(msgspec.to_builtins(state), PartitionState)
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"partition {state.number} in `stream_partitions` can't be read: {error}", hint=EDITED
            ) from error
