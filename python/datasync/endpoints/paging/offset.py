"""Paging `offset`: so many records are skipped."""

from collections.abc import Mapping

from datasync.config.spec import OffsetPaging
from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import END, MAX_DIGITS, Lead, strange
from datasync.endpoints.paging.counted import Counted
from datasync.errors import ContractChanged
from datasync.http.transport import Answer
from datasync.model import Chunk


class Offset(Counted):
    """The cursor is the offset. It goes on by as many records as came, whatever was asked for."""

    def __init__(self, spec: OffsetPaging) -> None:
        super().__init__(spec)
        self._param = spec.param
        self._start = spec.start

    def lead(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Lead:
        """See Pager."""
        self._refuse_nested(chunk, "offset")
        here = self._offset(cursor)
        if self._ends(chunk, answer, here - self._start + chunk.records, cursor):
            return END
        step = chunk.records or self.size or 0
        if step == 0:
            raise ContractChanged(
                "the API says there is more, but gave no record to count on from", hint="give paging a `size`"
            )
        return Lead(str(here + step))

    def ahead(self, answer: Answer, cursor: str | None, peek: Peek) -> Lead | None:
        """See Pager."""
        if cursor is None:
            self._total = None  # that is of the list before, where there is one for each span of time
        if self.size is None or not self._measured:
            return None
        following = self._offset(cursor) + self.size
        return Lead(str(following)) if self._goes_on(answer, following - self._start, peek) else None

    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        return {self._param: self._offset(cursor)}

    def _offset(self, cursor: str | None) -> int:
        if cursor is None:
            return self._start
        if not cursor.isascii() or not cursor.isdigit() or len(cursor) > MAX_DIGITS:
            raise strange(cursor, "offset")
        return int(cursor)
