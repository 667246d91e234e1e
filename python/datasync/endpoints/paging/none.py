"""Paging `none`: one page is all."""

from collections.abc import Mapping

from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import END, Lead, Pager
from datasync.http.transport import Answer
from datasync.model import Chunk


class OnePage(Pager):
    """Asks once, for everything: a smaller page would be a part."""

    resizable = False

    def lead(self, _chunk: Chunk, _answer: Answer, _cursor: str | None) -> Lead:
        """See Pager."""
        return END

    def ahead(self, _answer: Answer, _cursor: str | None, _peek: Peek) -> Lead | None:
        """See Pager."""
        return END

    def _place(self, _cursor: str | None) -> Mapping[str, str | int]:
        return {}
