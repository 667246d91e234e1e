"""Notices a chain of cursors that goes in circles."""

from collections import OrderedDict

from datasync.model import Chunk, Position


class LoopGuard:
    """Remembers the last `size` places that pages led to.

    A place is the position, where the endpoint can tell it (a cursor may be spelled anew each time), else the cursor.
    """

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._seen: OrderedDict[object, None] = OrderedDict()

    def returns(self, chunk: Chunk, position: Position | None) -> bool:
        """Whether a page leads to a place that an earlier one led to. Pages without records stay where they are."""
        if not chunk.records:
            return False
        place = chunk.next_cursor if position is None else tuple(sorted(position.items()))
        if place in self._seen:
            return True
        self._seen[place] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return False
