"""Which of the words that `paging` declares an API has told at all."""

import structlog

from datasync.config.spec import KeysetPaging, OffsetPaging, PageNumberPaging, Paging, WindowPaging
from datasync.endpoints.paging.base import header_name
from datasync.http.transport import Answer
from datasync.model import Chunk


class Told:
    """Warns at the end of a chain of words that no page had: without them an end is not proven as declared."""

    def __init__(self, paging: Paging) -> None:
        one = paging.inner if isinstance(paging, WindowPaging) else paging
        self._missing = {"total": one.total} if one.total else {}
        if isinstance(one, PageNumberPaging) and one.pages:
            self._missing["pages"] = one.pages
        # Of the other kinds a page without it is damaged.
        if isinstance(one, OffsetPaging | PageNumberPaging | KeysetPaging) and one.has_more:
            self._missing["has_more"] = one.has_more
        self._records = False

    def hear(self, chunk: Chunk, answer: Answer) -> None:
        """Take a page, with what the plan's paths found in it."""
        self._records = self._records or chunk.records > 0
        if not self._missing:
            return
        found = {"total": chunk.total, "pages": chunk.next_cursor, "has_more": chunk.has_more}
        for word, place in list(self._missing.items()):
            header = header_name(place)
            if (found[word] if header is None else answer.headers.get(header)) is not None:
                del self._missing[word]

    def end(self) -> None:
        """A chain ends."""
        if not self._records:
            return
        for word, place in self._missing.items():
            structlog.get_logger().warning(
                "no page said what paging declares",
                declared=word,
                path=place,
                hint=f"look at `{word}` of `paging`: `datasync plan` shows what the answers have",
            )
        self._missing = {}
