"""What the kinds have in common whose pages name the URL of the next one."""

from collections.abc import Mapping

import httpx

from datasync.config.spec import LinkHeaderPaging, NextUrlPaging
from datasync.endpoints.paging.base import Asked, Context
from datasync.endpoints.paging.chained import Chained
from datasync.http.links import without_param
from datasync.http.origin import same_origin


class Followed(Chained):
    """The cursor is the absolute URL. What it says of size and place is the API's, so that nothing is added to it."""

    resizable = False

    def __init__(self, spec: NextUrlPaging | LinkHeaderPaging, context: Context) -> None:
        super().__init__(spec)
        self._context = context

    def ask(self, cursor: str | None) -> Asked:
        """See Pager."""
        if cursor is None:
            return super().ask(None)
        # A stored one is looked at, too: the base URL may be another by now.
        return Asked(url=same_origin(self._context.url, cursor))

    def _place(self, _cursor: str | None) -> Mapping[str, str | int]:
        return {}

    def _resolved(self, link: str | None, cursor: str | None) -> str | None:
        if not link:
            return None
        url = same_origin(cursor or self._context.url, link)
        secret = self._context.secret_param
        return url if secret is None else str(without_param(httpx.URL(url), secret))
