"""Paging `cursor`: the body names a cursor for the next page."""

from collections.abc import Mapping

from datasync.config.duration import seconds
from datasync.config.spec import CursorPaging
from datasync.endpoints.base import ByCursor
from datasync.endpoints.paging.base import Context, plain
from datasync.endpoints.paging.chained import Chained
from datasync.endpoints.paging.renew import Renewed
from datasync.http.transport import Answer
from datasync.model import Chunk, Position


class BodyCursor(Chained):
    """Sends the cursor back as it came; with `renew`, one that expired is written anew."""

    def __init__(self, spec: CursorPaging, context: Context) -> None:
        super().__init__(spec)
        self._param = spec.param
        self.next_cursor = plain(spec.next)
        self.expired = frozenset(spec.expired)
        self.ttl = None if spec.ttl is None else seconds(spec.ttl)
        self._renewed = None if spec.renew is None else Renewed(spec.renew, context.columns)
        if self._renewed is not None:
            self.reseek = ByCursor(self._renewed.build)

    def position(self, chunk: Chunk) -> Position | None:
        """See Pager."""
        return None if self._renewed is None else self._renewed.position(chunk)

    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        return {} if cursor is None else {self._param: cursor}

    def _next(self, told: str | None, _answer: Answer, _cursor: str | None) -> str | None:
        return told or None
