"""Paging `cursor`: the body names a cursor for the next page."""

from collections.abc import Mapping

from datasync.config.duration import seconds
from datasync.config.spec import CursorPaging
from datasync.endpoints.paging.base import plain
from datasync.endpoints.paging.chained import Chained
from datasync.http.transport import Answer


class BodyCursor(Chained):
    """Sends the cursor back as it came."""

    def __init__(self, spec: CursorPaging) -> None:
        super().__init__(spec)
        self._param = spec.param
        self.next_cursor = plain(spec.next)
        self.expired = frozenset(spec.expired)
        self.ttl = None if spec.ttl is None else seconds(spec.ttl)

    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        return {} if cursor is None else {self._param: cursor}

    def _next(self, told: str | None, _answer: Answer, _cursor: str | None) -> str | None:
        return told or None
