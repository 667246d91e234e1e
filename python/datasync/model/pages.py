"""What is asked for, and what a page becomes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from datasync._native import EncodedPage, SplitPage
from datasync.model.plan import Column

Row: TypeAlias = tuple[object, ...]
"""One row of the record lane, in the order of the endpoint's columns."""

Position: TypeAlias = dict[str, str | int]
"""A place in a feed that outlives its cursor, in the endpoint's own terms. JSON-encodable."""


class Request(msgspec.Struct, frozen=True):
    """What to ask.

    Attributes:
        path: appended to the API's base URL. It also names the route, for the limiter and in messages.
        params: of the query.
        method: asking must change nothing there, whatever it is: a request may be sent twice.
        content: body to send, JSON.
        headers: besides those of the transport.
        url: absolute, instead of base URL and `path`; on the API's own origin, else the transport refuses it.
    """

    path: str
    params: Mapping[str, str | int]
    method: Literal["GET", "POST"] = "GET"
    content: bytes | None = None
    headers: Mapping[str, str] = {}
    url: str | None = None


class Page(msgspec.Struct, frozen=True):
    """One answer with status 200.

    Attributes:
        body: raw bytes, content encoding undone.
        headers: lower-case names.
        received_us: wall clock at receipt, microseconds since 1970 UTC; bounds plausible epoch timestamps.
    """

    body: bytes
    headers: Mapping[str, str]
    received_us: int


class Reject(msgspec.Struct, frozen=True, gc=False):
    """A record that can't be stored, whole, with the reason.

    Attributes:
        cursor: of the page it came in; None is the first page.
        index: of the record in the page, from 0.
        offset: of the record in the page, in bytes.
        code: stable reason.
        detail: for people.
        raw: the record's bytes as they came.
    """

    cursor: str | None
    index: int
    offset: int
    code: str
    detail: str
    raw: bytes


class ChildRows(msgspec.Struct, frozen=True):
    """Elements of lists inside of a page's records, for a table of their own.

    Attributes:
        table: its name.
        columns: `parent_key`, `position` (from 0), and those that were declared.
        rows: in that order, values as in `Chunk.rows`.
        parents: keys of all records of the page that were accepted, those without an element too; a key may come twice.
        counts: how many of the rows each of them has.
    """

    table: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    parents: Sequence[str | int]
    counts: Sequence[int]

    def grouped(self) -> Iterator[Sequence[Row]]:
        """Give the rows of each of the parents, in their order."""
        at = 0
        for count in self.counts:
            yield self.rows[at : at + count]
            at += count


class Original(msgspec.Struct, frozen=True):
    """A page as it came, for the records whose rows the database refuses, and don't tell all of them.

    Attributes:
        body: of the page.
        split: cuts it into its records.
    """

    body: bytes
    split: Callable[[bytes], SplitPage]

    def record(self, index: int) -> bytes:
        """A record by its place in the page. Cuts the whole page for it: a millisecond."""
        return self.split(self.body).records[index]

    def last(self) -> bytes:
        """The last record of the page; b"" where there is none."""
        return b"".join(self.split(self.body).records[-1:])


class Chunk(msgspec.Struct, frozen=True):
    """One page, ready to be stored.

    Attributes:
        copy: COPY BINARY tuples (fast lane), or None.
        rows: the same as Python tuples (record lane), or None; for the values see `_native.ExtractedRows`.
        row_count: rows in `copy` or `rows`.
        nbytes: memory held, in bytes; an estimate on the record lane.
        records: records the page had = row_count + len(rejects) + dropped.
        dropped: records that a transform, or the filter of a JSONPath, left out on purpose.
        next_cursor, has_more, total: the page's own words; None where it says nothing.
        last_key, last_timestamp_us: of the last stored record.
        newest_us: the latest timestamp among the stored records, or None.
        again: its chain is read again from the beginning, and this is the first page. It begins a batch.
        timestamps: for each `timestamptz` column how many values were written as text, in s, ms, us and ns, and how
            many were special in some way; see `_native.EncodedPage`.
        cursor: that the page was asked for with; None is the first page.
        sources: for each of `rows` the place of its record in the page, the record's offset and its bytes as they came
            (record lane), or None.
        children: elements of lists that go to tables of their own.
        span_end: it is the last page of a span of time, and leads to the next span. To have no records is no sign of a
            circle there.
        original: the page, where no column holds whole records (fast lane); else None.
        nested: its records come out of several lists, so that their number is none that an API must mean.
    """

    row_count: int
    nbytes: int
    records: int
    rejects: Sequence[Reject]
    next_cursor: str | None
    has_more: bool | None
    total: int | None
    last_key: str | None
    last_timestamp_us: int | None
    copy: EncodedPage | None = None
    rows: Sequence[Row] | None = None
    dropped: int = 0
    newest_us: int | None = None
    again: bool = False
    timestamps: Mapping[str, Mapping[str, int]] = {}
    cursor: str | None = None
    sources: Sequence[tuple[int, int, bytes]] | None = None
    children: Sequence[ChildRows] = ()
    span_end: bool = False
    original: Original | None = None
    nested: bool = False
