"""Paging `link`: a `Link` header (RFC 8288) names the URL of the next page."""

import re

from datasync.config.spec import LinkHeaderPaging
from datasync.endpoints.paging.base import Context
from datasync.endpoints.paging.followed import Followed
from datasync.errors import PageDamaged
from datasync.http.links import find_link, unread
from datasync.http.transport import Answer


class LinkHeader(Followed):
    """Follows the first link of a relation type."""

    def __init__(self, spec: LinkHeaderPaging, context: Context) -> None:
        super().__init__(spec, context)
        self._rel = spec.rel

    def _next(self, _told: str | None, answer: Answer, cursor: str | None) -> str | None:
        header = answer.headers.get("link", "")
        link = find_link(header, self._rel)
        if link is None and re.search(rf"\brel\s*=[\s\"']*{re.escape(self._rel)}\b", unread(header), re.IGNORECASE):
            raise PageDamaged(
                f"the `Link` header has a `{self._rel}` that is no link, so that nothing says whether this is the end",
                hint='RFC 8288 writes `<https://..>; rel="next"`; if the API writes otherwise, page in another way',
            )
        return self._resolved(link, cursor)
