"""Paging `header_cursor`: a header names the cursor for the next page."""

from collections.abc import Mapping

from datasync.config.spec import HeaderCursorPaging
from datasync.endpoints.paging.chained import Chained
from datasync.http.transport import Answer


class HeaderCursor(Chained):
    """Sends the header's value back as it came."""

    def __init__(self, spec: HeaderCursorPaging) -> None:
        super().__init__(spec)
        self._param = spec.param
        self._header = spec.header.lower()

    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        return {} if cursor is None else {self._param: cursor}

    def _next(self, _told: str | None, answer: Answer, _cursor: str | None) -> str | None:
        return answer.headers.get(self._header, "").strip() or None
