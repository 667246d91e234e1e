"""Paging `next_url`: the body names the URL of the next page."""

from datasync.config.spec import NextUrlPaging
from datasync.endpoints.paging.base import Context, plain
from datasync.endpoints.paging.followed import Followed
from datasync.http.transport import Answer


class NextUrl(Followed):
    """Absolute, a path, or a query alone: it is read as a browser would on the page that names it."""

    def __init__(self, spec: NextUrlPaging, context: Context) -> None:
        super().__init__(spec, context)
        self.next_cursor = plain(spec.next)

    def _next(self, told: str | None, _answer: Answer, cursor: str | None) -> str | None:
        return self._resolved(told, cursor)
