"""What a kind of paging is asked."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from datasync.config.spec.paging import Paging
from datasync.endpoints.base import ByReread, Peek, Reseek
from datasync.errors import ContractChanged
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position

HEADER: Final = "header:"
"""Before a header's name, where a path in the body could stand, too."""

MAX_DIGITS: Final = 18
"""Of a number that an API tells, or a cursor."""


class Lead(msgspec.Struct, frozen=True):
    """Where a page leads.

    Attributes:
        cursor: of the next page.
        has_more: False at the end. Without a cursor it must be; else the page is damaged.
        span_end: see `Chunk`.
    """

    cursor: str | None
    has_more: bool | None = True
    span_end: bool = False


END: Final = Lead(None, has_more=False)


class Asked(msgspec.Struct, frozen=True):
    """What a request says of its page.

    Attributes:
        params: of the query.
        body: members of the JSON body.
        url: absolute; it says everything, and nothing goes into the query.
    """

    params: Mapping[str, str | int] = {}
    body: Mapping[str, str | int] = {}
    url: str | None = None


class Context(msgspec.Struct, frozen=True):
    """What a kind may need to know of its endpoint.

    Attributes:
        url: of the first page, without a query.
        secret_param: of the query, that carries a key; links lose it.
        columns: of the table.
        records: see EncoderPlan.
        format: see EncoderPlan.
        now: epoch seconds, wall clock.
    """

    url: str
    columns: tuple[Column, ...]
    records: str
    format: str
    now: Callable[[], float]
    secret_param: str | None = None

    def plan(self, columns: tuple[Column, ...]) -> EncoderPlan:
        """A plan that reads these columns of the records."""
        return msgspec.convert(
            {"records": self.records, "columns": columns, "format": self.format}, EncoderPlan, from_attributes=True
        )


class Pager(ABC):
    """One chain of pages. It may remember the pages of this run, but finds its place by the cursor alone.

    Attributes:
        next_cursor, has_more, total: paths of the plan; None where a kind doesn't look there.
        size: records per page that are asked for, or None.
        resizable: another size may be asked for in the middle.
        resized: it was; a page with fewer records than `size` says nothing from then on.
        ttl: seconds a cursor lives, or None.
        expired: codes and statuses with which the API refuses one that expired.
        reseek: see Endpoint.
    """

    resizable: bool = True
    next_cursor: str | None = None
    reseek: Reseek = ByReread()

    def __init__(self, spec: Paging) -> None:
        self._in_body = spec.where == "body"
        self._total_header = header_name(spec.total)
        self.has_more = plain(spec.has_more)
        self.total = None if self._total_header else plain(spec.total)
        self.size = spec.size
        self.size_param = spec.size_param
        self.resized = False
        self.ttl: float | None = None
        self.expired: frozenset[str] = frozenset()

    def ask(self, cursor: str | None) -> Asked:
        """Say what to ask for the page at `cursor`; None is the first one.

        Raises:
            ContractChanged: the cursor is of another kind.
        """
        params = {} if self.size is None else {self.size_param: self.size}
        return self._asked({**params, **self._place(cursor)})

    def records_in_all(self, chunk: Chunk, answer: Answer) -> int | None:
        """How many records the API says that there are, or None."""
        if self._total_header is None:
            return chunk.total
        return number(answer.headers.get(self._total_header), f"the header {self._total_header}")

    @abstractmethod
    def lead(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Lead:
        """Say where a page leads, once it is read. `chunk` has what the plan's paths found.

        Raises:
            ContractChanged: it leads to where we don't go.
            PageRepeated: it leads to itself.
        """

    @abstractmethod
    def ahead(self, answer: Answer, cursor: str | None, peek: Peek) -> Lead | None:
        """Say where a page leads before it is read; None where that can't be told."""

    def position(self, _chunk: Chunk) -> Position | None:
        """See Endpoint. None where nothing is known of the order of the records."""
        return None

    @abstractmethod
    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        """The parameters for the page at `cursor`."""

    def _asked(self, params: Mapping[str, str | int]) -> Asked:
        return Asked(body=params) if self._in_body else Asked(params)


def plain(path: str | None) -> str | None:
    """Give a path as the plan wants it: a leading `$.` says nothing."""
    return None if path is None else path.removeprefix("$.")


def header_name(path: str | None) -> str | None:
    """Give the header's name, in lower case, if that is what `path` means."""
    return path.removeprefix(HEADER).strip().lower() if path is not None and path.startswith(HEADER) else None


def number(text: str | None, what: str) -> int | None:
    """Give a whole number that an API told; None where it told nothing.

    Raises:
        ContractChanged: it told something else.
    """
    if text is None or not text.strip():
        return None
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > MAX_DIGITS:
        raise ContractChanged(f"{what} is no whole number: `{digits[:40]}`")
    return int(digits)


def strange(cursor: str, kind: str) -> ContractChanged:
    """Make the error for a stored cursor that another kind of paging wrote."""
    return ContractChanged(
        f"the stored place is none of paging by `{kind}`: `{cursor[:60]}`",
        hint="has the endpoint's `paging` changed? --restart reads from the beginning",
    )
