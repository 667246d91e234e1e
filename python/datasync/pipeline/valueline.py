"""The line of values for which chains are read one after the other, and how a part of it is shared."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from datasync.endpoints.base import Divided
from datasync.model import PartitionState, Window
from datasync.pipeline.line import Line, Part, check

UNDER_WAY = 2
"""Values that a reader may have asked for already: that of the page under way, and that of the page after it."""


class ValueLine(Line):
    """The line of an endpoint's values, in the order of their code points. A part of it is read in that order.

    What was stored are values, not places among them: they may have become more or fewer since.
    """

    def __init__(self, states: Sequence[PartitionState], endpoint: Divided) -> None:
        """Take the stored partitions, and whose values they are.

        Raises:
            ConfigError: the windows are not the whole line.
        """
        windows = [(state.window.since_value, state.window.until_value) for state in states]
        check(states, windows, "the parents' values")
        super().__init__([Part(state.number, state.window, state.checkpoint) for state in states])
        self._endpoint = endpoint
        self._values = endpoint.values

    def share(self, idle: int) -> Mapping[int, Window]:
        """See Line. The reader keeps the first piece, and no value is cut in two."""
        active = [part for part in self.parts if not part.checkpoint.complete]
        rest, part = max(((self._rest(part), part) for part in active), key=lambda one: len(one[0]))
        wanted = idle + 1 if len(active) == 1 else 2
        pieces = min(wanted, len(rest) + 1)
        if idle < 1 or pieces < 2:
            return {}
        # What is under way counts as much as any other value.
        size = len(rest) + 1
        cuts = [self._values[rest[size * n // pieces - 1]] for n in range(1, pieces)]
        return self._cut(part, cuts)

    def _cut(self, part: Part, cuts: Sequence[str]) -> Mapping[int, Window]:
        last = part.window.until_value
        part.window = Window(since_value=part.window.since_value, until_value=cuts[0])
        changed = {part.number: part.window}
        for since, until in zip(cuts, [*cuts[1:], last], strict=True):
            new = self._add(Window(since_value=since, until_value=until))
            changed[new.number] = new.window
        return changed

    def _rest(self, part: Part) -> range:
        """Places of the values of a part that nobody has asked for."""
        cursor, window = part.checkpoint.cursor, part.window
        first = window.since_value if cursor is None else self._endpoint.value(cursor)
        start = 0 if first is None else bisect_left(self._values, first)
        stop = len(self._values) if window.until_value is None else bisect_left(self._values, window.until_value)
        return range(start + UNDER_WAY, stop)
