"""Notices a chain of cursors that goes in circles, or nowhere."""

from collections import OrderedDict
from typing import Final

from datasync.model import Chunk, Position

MAX_EMPTY: Final = 3
"""Pages in a row without records, while the API says there is more."""


class LoopGuard:
    """Remembers the last `size` places that pages led to.

    A place is the position, where the endpoint can tell it (a cursor may be spelled anew each time), else the cursor.
    """

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._seen: OrderedDict[object, None] = OrderedDict()
        self._empty = 0

    def empty(self, chunk: Chunk) -> bool:
        """Whether too many pages in a row had no records."""
        self._empty = 0 if chunk.records or chunk.span_end else self._empty + 1
        return self._empty > MAX_EMPTY

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
