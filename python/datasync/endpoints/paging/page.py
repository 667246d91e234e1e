"""Paging `page`: pages have numbers."""

import re
from collections.abc import Mapping

from datasync.config.spec import PageNumberPaging
from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import END, Lead, header_name, number, plain, strange
from datasync.endpoints.paging.counted import Counted
from datasync.http.transport import Answer
from datasync.model import Chunk

_CURSOR = re.compile(r"([0-9]{1,18})(?: ([0-9]{1,18}))?", re.ASCII)


class PageNumber(Counted):
    """The cursor is the page's number, and with `total` the number of records before it.

    The count can't be had from the number: an API may give fewer records per page than it is asked for.
    """

    resizable = False  # page 3 of another size has other records

    def __init__(self, spec: PageNumberPaging) -> None:
        super().__init__(spec)
        self._param = spec.param
        self._first = spec.first
        self._counts = spec.total is not None
        self._pages_header = header_name(spec.pages)
        # No kind of cursor stands in the body, so the plan's path for one reads the number of all pages.
        self.next_cursor = None if self._pages_header else plain(spec.pages)

    def lead(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Lead:
        """See Pager."""
        page, before = self._at(cursor)
        read = before + chunk.records
        pages = self._pages(chunk.next_cursor, answer)
        if pages is None and chunk.has_more is None:
            self._refuse_nested(chunk, "page")
        ends = self._ends(chunk, answer, read, cursor)
        if pages is not None and chunk.has_more is None:
            ends = page - self._first + 1 >= pages
        return END if ends else self._lead(page + 1, read)

    def ahead(self, answer: Answer, cursor: str | None, peek: Peek) -> Lead | None:
        """See Pager."""
        page, before = self._at(cursor)
        if cursor is None:
            self._total = None  # see Offset
        if self._counts and (self.size is None or not self._measured):
            return None  # how many records come is a part of the next cursor
        read = before + (self.size or 0)
        if self.has_more is None and (self.next_cursor or self._pages_header):
            pages = self._pages(peek(answer.body)[0] if self.next_cursor else None, answer)
            goes_on = pages is not None and page - self._first + 1 < pages
        else:
            goes_on = self._goes_on(answer, read, peek)
        return self._lead(page + 1, read) if goes_on else None

    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        return {self._param: self._at(cursor)[0]}

    def _pages(self, told: str | None, answer: Answer) -> int | None:
        said = answer.headers.get(self._pages_header) if self._pages_header else told
        return number(said, "the number of pages")

    def _lead(self, page: int, read: int) -> Lead:
        return Lead(f"{page} {read}" if self._counts else str(page))

    def _at(self, cursor: str | None) -> tuple[int, int]:
        if cursor is None:
            return self._first, 0
        found = _CURSOR.fullmatch(cursor)
        if found is None or (found[2] is not None) != self._counts:
            raise strange(cursor, "page")
        return int(found[1]), int(found[2] or 0)
