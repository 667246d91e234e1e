"""Paging `link`: a `Link` header (RFC 8288) names the URL of the next page."""

from datasync.config.spec import LinkHeaderPaging
from datasync.endpoints.paging.base import Context
from datasync.endpoints.paging.followed import Followed
from datasync.http.links import find_link
from datasync.http.transport import Answer


class LinkHeader(Followed):
    """Follows the first link of a relation type."""

    def __init__(self, spec: LinkHeaderPaging, context: Context) -> None:
        super().__init__(spec, context)
        self._rel = spec.rel

    def _next(self, _told: str | None, answer: Answer, cursor: str | None) -> str | None:
        return self._resolved(find_link(answer.headers.get("link", ""), self._rel), cursor)
