"""The records that travel between the parts. All are plain data; none knows HTTP or SQL."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from datasync._native import EncodedPage
from datasync.timestamps import TimestampPolicy

Row: TypeAlias = tuple[object, ...]
"""One row of the record lane, in the order of the endpoint's columns."""

Kind: TypeAlias = Literal[
    "text",
    "json",
    "jsonb",
    "timestamptz",
    "date",
    "bigint",
    "integer",
    "numeric",
    "double precision",
    "boolean",
    "uuid",
    "bytea",
    "text[]",
]
"""Types of PostgreSQL that a column may have."""

Position: TypeAlias = dict[str, str | int]
"""A place in a feed that outlives its cursor, in the endpoint's own terms. JSON-encodable."""


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of the target table and where its value comes from.

    Absent and null become NULL. A value that the column can't hold is treated as `mismatch` says; it is never changed
    to fit.

    Attributes:
        name: of the column.
        path: from the record's root: keys joined by dots, `[n]` for the n-th element of an array from 0, `["a.b"]`
            for a key with a dot in it; "" is the whole record.
        kind: PostgreSQL's type. `text` takes strings; `json` and `jsonb` anything, as it is written; `timestamptz`
            what `timestamp` says; `date` strings YYYY-MM-DD; `bigint`, `integer`, `numeric` and `double precision`
            numbers and strings that hold one, the first two only whole ones; `boolean`; `uuid`; `bytea` base64;
            `text[]` arrays of strings and nulls.
        required: NULL sends the record to quarantine.
        key: the primary key, at most one column: `text`, `bigint`, `integer` or `uuid`.
        source: `record` (the value at `path`), `rest` (the record without the fields that other columns take by
            keys alone; `json` and `jsonb`), `constant`, or `ingest_time` (when the page came; `timestamptz`).
        mismatch: `quarantine` (the record), `null`, or `text` (the value's JSON; `text` and `text[]`).
        constant: JSON of the value, with source `constant`.
        timestamp: how a `timestamptz` is read; None is `TimestampPolicy()`.
    """

    name: str
    path: str
    kind: Kind
    required: bool = False
    key: bool = False
    source: Literal["record", "rest", "constant", "ingest_time"] = "record"
    mismatch: Literal["quarantine", "null", "text"] = "quarantine"
    constant: str | None = None
    timestamp: TimestampPolicy | None = None


class EncoderPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the native encoder reads a page; crosses into Rust once, as JSON.

    Attributes:
        records: path from the page's root to the array of records; "" is the page itself. See Column for paths.
        columns: of the target table, in order.
        next_cursor, has_more, total: paths from the page's root, outside of the records.
        max_depth: nesting levels a record may have, itself included.
        max_key_bytes: length of a `text` key in UTF-8 bytes (PostgreSQL's index refuses 2,704).
        format: `json`, or `ndjson`: each line is a record; `records` is "" and the page says nothing else. `csv` is not
            for the core, and `records` may be a JSONPath that isn't: such pages are made into arrays first.
    """

    records: str
    columns: tuple[Column, ...]
    next_cursor: str | None = None
    has_more: str | None = None
    total: str | None = None
    max_depth: int = 256
    max_key_bytes: int = 1024
    format: Literal["json", "ndjson", "csv"] = "json"


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


class Reject(msgspec.Struct, frozen=True):
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
        parents: keys of all records of the page that were accepted, those without an element too.
    """

    table: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    parents: Sequence[str | int]


class Chunk(msgspec.Struct, frozen=True):
    """One page, ready to be stored.

    Attributes:
        copy: COPY BINARY tuples (fast lane), or None.
        rows: the same as Python tuples (record lane), or None; for the values see `_native.ExtractedRows`.
        row_count: rows in `copy` or `rows`.
        nbytes: memory held, in bytes; an estimate on the record lane.
        records: records the page had = row_count + len(rejects) + dropped.
        dropped: records a transform left out on purpose.
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


class Window(msgspec.Struct, frozen=True):
    """A part of the line of time: from `since` on, up to and without `until`. Milliseconds since 1970 UTC.

    None is without end on that side. Each moment belongs to exactly one of a stream's windows.
    """

    since: int | None = None
    until: int | None = None


class Checkpoint(msgspec.Struct, frozen=True):
    """The place from which a partition goes on, true once the batch that carries it is committed.

    Attributes:
        cursor: to ask for next; None is the beginning.
        position: the same place in terms that don't expire, or None.
        pages: read so far, over all runs.
        served: records in those pages, repeats included.
        total: records the stream had when it was begun, by the first word of the API on it, or None.
        complete: the end was reached. The cursor then is still that of the last page.
        since_us: where this round began, of an endpoint that is read on after its end: it asks for what is newer, in
            microseconds since 1970 UTC; None is for everything.
        newest_us: the latest timestamp among all records stored so far, over all runs and rounds, or None.
    """

    cursor: str | None = None
    position: Position | None = None
    pages: int = 0
    served: int = 0
    total: int | None = None
    complete: bool = False
    since_us: int | None = None
    newest_us: int | None = None


class PartitionState(msgspec.Struct, frozen=True):
    """What the sink keeps of a partition. A stream begins as one, number 0, with all of time for its window.

    The stream is complete when all its partitions are: the sink lets the last one be so only once the end is proven.
    """

    number: int = 0
    window: Window = Window()
    checkpoint: Checkpoint = Checkpoint()


class Batch(msgspec.Struct, frozen=True):
    """Contiguous pages of one partition, and what is true once they are stored. Never split over two transactions.

    Attributes:
        partition: number of the partition.
        windows: of partitions that are new or share theirs since the batch before, by number. Stored together, in this
            batch's transaction, so that no moment is without an owner.
    """

    chunks: Sequence[Chunk]
    checkpoint: Checkpoint
    partition: int = 0
    windows: Mapping[int, Window] = {}

    @property
    def records(self) -> int:
        """Records in the pages."""
        return sum(chunk.records for chunk in self.chunks)

    @property
    def row_count(self) -> int:
        """Rows to store."""
        return sum(chunk.row_count for chunk in self.chunks)

    @property
    def dropped(self) -> int:
        """Records that transforms left out on purpose."""
        return sum(chunk.dropped for chunk in self.chunks)

    @property
    def rejects(self) -> list[Reject]:
        """Records to quarantine."""
        return [reject for chunk in self.chunks for reject in chunk.rejects]


class Committed(msgspec.Struct, frozen=True):
    """What a commit did, in records.

    Attributes:
        rows: new in the target.
        duplicates: seen before, in the target or in quarantine, and left as they are; twice in a batch, too.
        quarantined: new in quarantine.
        updated: were in the target, and were replaced.
        unchanged: were in the target, and the policy found nothing to replace.
        refused: found by the database alone to be unfit, and sent to quarantine.
        complete: this was the stream's last batch, and the end is proven.
        missing: this was the last batch, and so many records are not there. Everything was stored, but each partition
            stays before its last page.
    """

    rows: int
    duplicates: int
    quarantined: int
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    complete: bool = False
    missing: int = 0
