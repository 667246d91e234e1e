"""Notices pages that come again although the cursor goes on, as from an API that doesn't know the parameter."""

import zlib
from typing import TypeAlias

from datasync.errors import PageRepeated
from datasync.model import Chunk

TAIL = 4096
"""Bytes of a page's rows that are compared, besides their number and size: those of its last records."""

_Print: TypeAlias = tuple[object, ...]


class Repeats:
    """Compares each page with the one before, and with one that it keeps longer each time (Brent's way to find cycles).

    So a list that begins anew after its end is noticed after a few rounds, whatever its length, with two pages' prints
    in memory.
    """

    def __init__(self, *, same_each_time: bool, keyed: bool = True) -> None:
        """Take what rows tell of records.

        Args:
            same_each_time: a record gives the same row each time it comes. Not so where a row holds when that was.
            keyed: different records give different rows.
        """
        self._exact = same_each_time
        self._keyed = keyed
        self.clear()

    def clear(self) -> None:
        """Forget the pages so far."""
        self._last: tuple[str | None, _Print] | None = None
        self._kept: tuple[str | None, _Print] | None = None
        self._steps = 0
        self._power = 1

    def check(self, chunk: Chunk, cursor: str | None, body: bytes) -> None:
        """Take a page and the `body` it came in. One without records says nothing, nor that of the same cursor again.

        Raises:
            PageRepeated: it has come before, at another cursor.
        """
        if cursor is None:
            self.clear()  # the list is read from its beginning
        if not chunk.records:
            return
        page = cursor, self._print(chunk, body)
        if self._last is not None and self._last[0] == cursor:
            self._last = page
            return
        # A single record may look like another one by chance; a page of them doesn't.
        for seen in (self._last, self._kept if chunk.records > 1 else None):
            if seen is not None and seen[1] == page[1] and seen[0] != cursor:
                raise PageRepeated(
                    "a page came once more, at another place",
                    hint="does the API know the parameters of `paging`? one that it doesn't know it may ignore; or it "
                    "gives the last page again after the end, and only `total`, `pages` or `has_more` tell that",
                )
        self._last = page
        self._steps += 1
        if self._steps == self._power:
            self._kept, self._steps, self._power = page, 0, self._power * 2

    def _print(self, chunk: Chunk, body: bytes) -> _Print:
        # Of what transforms leave out nothing is kept: then only the body tells one page from another.
        tail = b"" if chunk.row_count or chunk.rejects else body
        if chunk.rejects:
            tail += chunk.rejects[-1].raw[-TAIL:]
        if self._exact and chunk.copy is not None:
            tail += memoryview(chunk.copy)[-TAIL:]
        elif self._exact and chunk.rows:
            tail += repr(chunk.rows[-1]).encode()
        if not self._keyed and chunk.sources:
            tail += chunk.sources[-1][2][-TAIL:]
        elif not self._keyed and chunk.original is not None:
            tail += chunk.original.last()[-TAIL:]
        sizes = chunk.records, chunk.row_count, chunk.nbytes, len(chunk.rejects), chunk.dropped
        return *sizes, chunk.last_key, chunk.last_timestamp_us, chunk.newest_us, zlib.crc32(tail)
