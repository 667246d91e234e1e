"""What the kinds have in common whose pages name the next one."""

from abc import abstractmethod

import structlog

from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import END, Lead, Pager
from datasync.errors import PageRepeated
from datasync.http.transport import Answer
from datasync.model import Chunk


class Chained(Pager):
    """A page names the next one, or none and then it is the last; `has_more` knows better where it is configured."""

    _warned = False

    def lead(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Lead:
        """See Pager."""
        following = None if chunk.has_more is False else self._next(chunk.next_cursor, answer, cursor)
        if following is not None and following == cursor:
            raise PageRepeated("the page names itself as the next one: its cursor is that of the request")
        if following is None and chunk.has_more is None:
            self._look_at_the_last(chunk)
        return self._lead(following, has_more=chunk.has_more)

    def ahead(self, answer: Answer, cursor: str | None, peek: Peek) -> Lead | None:
        """See Pager."""
        told, has_more = (None, None) if self.next_cursor is self.has_more is None else peek(answer.body)
        following = None if has_more is False else self._next(told, answer, cursor)
        return None if following is not None and following == cursor else self._lead(following, has_more=has_more)

    @abstractmethod
    def _next(self, told: str | None, answer: Answer, cursor: str | None) -> str | None:
        """The cursor of the next page, where `told` is what the body says at `next_cursor`."""

    def _lead(self, following: str | None, *, has_more: bool | None) -> Lead:
        if following is not None:
            return Lead(following, has_more)
        if has_more is False or self.has_more is None:
            return END
        return Lead(None, has_more)  # it says that there is more, or fails to say that there isn't: no end is proven

    def _look_at_the_last(self, chunk: Chunk) -> None:
        if self._warned or self.size is None or chunk.records < self.size or self.has_more is not None:
            return
        self._warned = True
        structlog.get_logger().warning(
            "the last page was full and named no next one",
            records=chunk.records,
            hint="some APIs end a list there although they have more: check the number of rows, or declare `total`",
        )
