"""How a page is read: columns, and what the native encoder is told."""

from typing import Literal, TypeAlias

import msgspec

from datasync.timestamps import TimestampPolicy

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

    @property
    def whole(self) -> bool:
        """It holds the whole record, as it is written."""
        return self.source == "record" and self.path == "" and self.kind in ("json", "jsonb")


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
        jsonb_order: have the members of a record in a `jsonb` column in the order in which PostgreSQL keeps them, which
            spares it the sorting. What is stored is the same. One with whitespace between members stays as it is.
    """

    records: str
    columns: tuple[Column, ...]
    next_cursor: str | None = None
    has_more: str | None = None
    total: str | None = None
    max_depth: int = 256
    max_key_bytes: int = 1024
    format: Literal["json", "ndjson", "csv"] = "json"
    jsonb_order: bool = False
