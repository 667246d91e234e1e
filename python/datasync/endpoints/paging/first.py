"""A look at a first page that seems to be the only one: a misspelt path must not pass for the end of a feed."""

from typing import Final

import msgspec
import structlog

from datasync import jsonpaths
from datasync.config.moment import micros
from datasync.config.spec import (
    CursorPaging,
    EndpointSpec,
    HeaderCursorPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    WindowPaging,
)
from datasync.config.spec.paging import LeftOut
from datasync.endpoints.paging.claims import Claim, claims, denies, envelope
from datasync.envelope import holds
from datasync.errors import ContractChanged
from datasync.http.transport import Answer
from datasync.model import Chunk

_MOST: Final = 3
"""Claims that a message names."""


_ELSEWHERE: Final = (
    "`paging` looks in the wrong place, or is of another kind: `datasync plan` compares it with the answer;"
    ' where one page is all that is wanted, write `paging = "none"`'
)
_NO_PAGING: Final = (
    "say in `paging` how pages follow each other: `datasync init` finds out, and docs/paging.md lists the kinds;"
    ' where one page is all that is wanted, write `paging = "none"`'
)


class FirstPage:
    """Looks at the first page of a chain where it leads nowhere; no other page costs anything."""

    def __init__(self, spec: EndpointSpec) -> None:
        self._paging = spec.paging.inner if isinstance(spec.paging, WindowPaging) else spec.paging
        self._json = spec.format == "json"
        self._records = jsonpaths.plain(spec.records).removeprefix("$").removeprefix(".")
        self._parent = spec.parent is not None
        self._window = isinstance(spec.paging, WindowPaging)
        self._where = f"{spec.method} {spec.path or '/'}"
        start = spec.incremental.start if spec.incremental else None
        self._start = None if start is None else micros(start)
        self._later = False
        self._warned = False

    def begin(self, since_us: int | None) -> None:
        """A run reads on from a moment: what its pages count may be the whole feed."""
        self._later = since_us is not None and (self._start is None or since_us > self._start)

    def look(self, chunk: Chunk, answer: Answer, total: int | None) -> None:
        """Look at a first page that leads nowhere, and of which the plan's paths found what `chunk` has.

        Raises:
            ContractChanged: the answer itself says that there is more.
        """
        if chunk.has_more is False or (total is not None and total <= chunk.records):
            return
        if not chunk.records:
            self._look_at_none(answer)
            return
        page = self._page(answer)
        if chunk.has_more or not denies(page, self._records):
            self._compare(chunk, page, self._claims(chunk, answer, page))

    def _claims(self, chunk: Chunk, answer: Answer, page: object) -> list[Claim]:
        found = [Claim("`has_more` is true")] if chunk.has_more else []
        found += claims(answer, page, chunk.records, self._records)
        if self._later or self._window:
            return [one._replace(certain=False) if one.counts else one for one in found]
        return found

    def _compare(self, chunk: Chunk, page: object, found: list[Claim]) -> None:
        match self._paging:
            case NoPaging():
                self._judge("one page is all that is asked for", found, error=isinstance(self._paging, LeftOut))
            case CursorPaging(next=path) | NextUrlPaging(next=path) if holds(page, path.removeprefix("$.")):
                self._judge(f"`{path}` of the answer leads nowhere", _strong(found), error=False)
            case CursorPaging(next=path, size=size) | NextUrlPaging(next=path, size=size):
                # Lists of many parents, and rounds that read little, end at a full page by chance.
                full = size is not None and chunk.records >= size and not (self._later or self._parent)
                self._judge(f"the answer has no `{path}` to lead on", found, full=full, always=not self._later)
            case LinkHeaderPaging(rel=rel):
                self._judge(f"no `Link` header leads on by `{rel}`", _strong(found))
            case HeaderCursorPaging(header=header):
                self._judge(f"no header `{header}` leads on", _strong(found))

    def _judge(
        self, what: str, found: list[Claim], *, error: bool = True, full: bool = False, always: bool = False
    ) -> None:
        """Raise, warn, or say nothing: `always` warns without a claim, too."""
        what = f"{self._where}: {what}"
        certain = [one.place for one in found if one.certain][:_MOST]
        if error and certain:
            raise ContractChanged(
                f"{what}, and the answer says that there is more: {', '.join(certain)}",
                hint=_NO_PAGING if isinstance(self._paging, NoPaging) else _ELSEWHERE,
            )
        if full:
            raise ContractChanged(
                f"{what}, and the page is full: nothing says that there is no more",
                hint="look at `next` of `paging`; if the path is right and these are all records, ask for another"
                " `size`, or declare `total` or `has_more`",
            )
        if self._warned or not (found or always):
            return
        if isinstance(self._paging, NoPaging) and not error and not certain:
            return  # it was said on purpose, and an echo is no reason to doubt that
        self._warned = True
        structlog.get_logger().warning(
            "the first page was taken for the only one",
            reason=what,
            seen=[one.place for one in found[:_MOST]],
            hint="if there is more, `paging` looks in the wrong place: `datasync plan` shows what the answer has",
        )

    def _look_at_none(self, answer: Answer) -> None:
        if self._later or self._parent or self._window or self._warned:
            return
        self._warned = True
        structlog.get_logger().warning(
            "the first page has no records",
            seen=[one.place for one in claims(answer, self._page(answer), 0, self._records)[:_MOST]],
            hint="if the API has some, look at `path`, `params`, `records`, and where `paging` begins",
        )

    def _page(self, answer: Answer) -> object:
        if not self._json:
            return None
        page = envelope(answer.body)
        if page is None or "[" not in getattr(self._paging, "next", ""):
            return page
        try:  # a path through an array needs what is in it
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return page


def _strong(found: list[Claim]) -> list[Claim]:
    """Those that may not be an echo of the request."""
    return [one for one in found if one.certain or one.counts]
