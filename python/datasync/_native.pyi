"""The native encoder: JSON pages in, rows for PostgreSQL out, checked so that COPY never meets a value it refuses.

All `_us` are microseconds since 1970-01-01 UTC. All offsets are bytes from the start of the text handed in, a byte
order mark included. Everything here but TimestampReader lets the interpreter go while it works, and all may be used by
several threads at once. Any function may raise `CorePanic`.
"""

from collections.abc import Callable
from typing import Final, final

from typing_extensions import Buffer

__all__ = [
    "COPY_HEADER",
    "COPY_TRAILER",
    "CopyTuples",
    "CorePanic",
    "EncodedPage",
    "ExtractedRows",
    "Instants",
    "PageEncoder",
    "PageError",
    "PlanError",
    "Reject",
    "SortedRows",
    "SplitPage",
    "TimestampReader",
    "build_info",
    "inflate",
    "on_failpoint",
]

COPY_HEADER: Final[bytes]
"""What a binary COPY stream begins with: signature, flags and an empty extension."""

COPY_TRAILER: Final[bytes]
"""What a binary COPY stream ends with."""

def build_info() -> dict[str, str]:
    """Tell how this module was built: `version`, `profile` (release or debug), `target`, `pyo3` and `abi3`.

    Speeds of a debug build mean nothing.
    """

def inflate(body: bytes, encoding: str, *, max_bytes: int, max_ratio: int) -> bytes:
    """Undo a content encoding: `gzip`, of several members too, or `deflate`, with zlib's header and without.

    The result may have `max_bytes` and, beyond 1 MiB, `max_ratio` times those of `body`. Memory stays near that,
    whatever the body claims.

    Raises:
        PageError: code `inflate_limit`, `inflate_ratio`, `inflate_corrupt` (damaged, or followed by something),
            `inflate_truncated` or `inflate_unknown_encoding`. The offset is one of the compressed body.
    """

def on_failpoint(hook: Callable[[str], None]) -> None:
    """Call `hook`, the first one given, with the name of each failpoint passed; where it raises, the core panics."""

class PageError(ValueError):
    """The page as a whole can't be used; nothing of it was.

    Attributes:
        code: `empty_body`, `syntax` (the grammar is broken or the text ends early, so that the borders of the records
            can't be trusted), `not_an_object` (the root can't hold the path to the records), `records_missing` (no
            array there), `envelope_type` (a cursor, total or has_more of a type that it can't have), or one of
            `inflate`.
        offset: byte at which it was noticed.
    """

    code: str
    offset: int

class CorePanic(RuntimeError):
    """A bug of the core. Nothing was changed. The message names the place in the source and shows none of the data."""

class PlanError(ValueError):
    """The plan can't be followed. The message says why."""

@final
class Reject:
    r"""A refused record. The page goes on without it.

    What the text holds comes first, in byte order; then the columns, in the order of the plan.

    Attributes:
        index: its place among the records, from 0.
        offset: byte of the page at which it starts; 0 from `PageEncoder.extract`, which sees no page.
        code: why. Of the text: `not_an_object`, `nul_character` (`\u0000`), `lone_surrogate`, `invalid_utf8`,
            `control_character`, `bad_escape`, `bad_number` (any bare word that JSON doesn't know),
            `number_out_of_range` (for its column or `numeric`), `too_deep`, `too_large` (256 MiB), and from `extract`
            and ndjson alone `syntax`. Of a column: `required_missing`, `empty_key`, `key_too_long`, `type_mismatch`,
            `number_not_whole`, `number_out_of_range` (beyond the column's type), `date_invalid`, `uuid_invalid`,
            `base64_invalid`, and those of `datasync.TimestampPolicy`, which begin with `timestamp_`.
        detail: what and where, for a person. Holds nothing of the record's content.
        raw: the whole record as it came. Not always UTF-8.
    """

    index: Final[int]
    offset: Final[int]
    code: Final[str]
    detail: Final[str]
    raw: Final[bytes]

@final
class EncodedPage(Buffer):
    """A page as tuples of binary COPY.

    `memoryview(page)` gives the tuples in the order of the page, read-only and without a copy; `COPY_HEADER` goes
    before and `COPY_TRAILER` behind them. `SortedRows` does that for several pages, in the order of their keys.

    Attributes:
        rows: accepted records.
        records: accepted and refused ones.
        nbytes: length of the tuples, as `len(page)`.
        rejects: the refused records, in order.
        next_cursor: None if absent or null; a number stands as it is written.
        has_more: None if absent or null, which does not mean that this is the last page.
        total: None if absent or null.
        min_timestamp_us: earliest of the plan's first `timestamptz` column that comes from the record; None if no
            accepted record has one.
        max_timestamp_us: latest of it.
        last_key: key of the last accepted record, as text; None if there is none.
        last_timestamp_us: of the last accepted record; None if it has none.
        timestamps: for each `timestamptz` column how its values were written, `text`, `s`, `ms`, `us`, `ns` or
            `other`, and what was special about them, such as `sub_us_dropped`, with counts. Without zeros. Refused
            records whose timestamp could be read count, too.
    """

    rows: Final[int]
    records: Final[int]
    nbytes: Final[int]
    rejects: Final[list[Reject]]
    next_cursor: Final[str | None]
    has_more: Final[bool | None]
    total: Final[int | None]
    min_timestamp_us: Final[int | None]
    max_timestamp_us: Final[int | None]
    last_key: Final[str | None]
    last_timestamp_us: Final[int | None]
    timestamps: Final[dict[str, dict[str, int]]]
    def __len__(self) -> int: ...

@final
class SortedRows:
    """The rows of some pages, made with one plan, in the order of their keys: bytewise, numbers by size.

    Rows with equal keys keep their order; without a key column all do. It keeps the pages, and copies none of them.

    Attributes:
        nbytes: of all tuples of the pages.
        repeated: rows whose key an earlier row has.
    """

    def __new__(cls, pages: list[EncodedPage]) -> SortedRows: ...
    nbytes: Final[int]
    repeated: Final[int]
    def __len__(self) -> int: ...
    def tuples(self, start: int = 0, stop: int | None = None) -> CopyTuples:
        """Give the tuples of the rows from `start` up to and without `stop`: what stands between header and trailer."""

    def keys(self) -> list[bytes]:
        """Give the key of each row as it stands in COPY: UTF-8 of text, numbers big-endian, the 16 bytes of a uuid."""

    def row(self, row: int) -> tuple[int, int, int, bytes] | None:
        """Give the page of a row, the place of its record in it, the record's offset, and the tuple; None is no row.

        The tuple is as without the plan's `jsonb_order`.
        """

    def unique(self, *, last: bool = False) -> SortedRows:
        """Give the first of the rows with equal keys, or the `last`."""

    def only(self, wanted: list[bytes]) -> SortedRows:
        """Give the rows whose keys are `wanted`."""

    def meets(self, other: SortedRows) -> bool:
        """Whether both have a row of the same key."""

@final
class CopyTuples(Buffer):
    """Tuples of binary COPY. `memoryview(tuples)` gives their bytes, read-only and without a copy."""

    def __len__(self) -> int: ...

@final
class SplitPage:
    """A page as raw records, flawed ones included.

    Attributes:
        records: the records as they are written, in order.
        offsets: byte of the page at which each starts.
        next_cursor: see EncodedPage.
        has_more: see EncodedPage.
        total: see EncodedPage.
    """

    records: Final[list[bytes]]
    offsets: Final[list[int]]
    next_cursor: Final[str | None]
    has_more: Final[bool | None]
    total: Final[int | None]

@final
class ExtractedRows:
    """Rows as Python values.

    Attributes:
        rows: one tuple for each accepted record. `text`, `json`, `jsonb` and `uuid` columns are str, `timestamptz`
            int (us), `date` int (days since 1970-01-01), `bigint` and `integer` int, `double precision` float,
            `numeric` decimal.Decimal, `boolean` bool, `bytea` bytes, `text[]` list[str | None]. SQL NULL is None.
        indexes: the record that each row comes from, among those handed in.
        rejects: the refused records, in order.
        min_timestamp_us: see EncodedPage, as the ones below.
        max_timestamp_us: see EncodedPage.
        last_key: see EncodedPage.
        last_timestamp_us: see EncodedPage.
        timestamps: see EncodedPage.
    """

    rows: Final[list[tuple[object, ...]]]
    indexes: Final[list[int]]
    rejects: Final[list[Reject]]
    min_timestamp_us: Final[int | None]
    max_timestamp_us: Final[int | None]
    last_key: Final[str | None]
    last_timestamp_us: Final[int | None]
    timestamps: Final[dict[str, dict[str, int]]]

@final
class PageEncoder:
    """A compiled plan.

    Of equal keys the last counts, at every level and in the envelope too, as in PostgreSQL's jsonb. Numbers and strings
    of a `jsonb` column go through as they are written, never through a float. For timestamps see
    `datasync.TimestampPolicy`.
    """

    def __new__(cls, plan: bytes) -> PageEncoder:
        """Compile `plan`.

        Args:
            plan: JSON of `datasync.model.EncoderPlan`.

        Raises:
            PlanError: it isn't such a plan. Unknown fields are refused as well.
        """

    def encode(self, body: bytes, *, now_us: int) -> EncodedPage:
        """Turn a page into COPY tuples.

        Args:
            body: the page as it came.
            now_us: when it came; the ingest time, and it bounds what a number may mean as a timestamp.

        Raises:
            PageError: the page as a whole can't be used.
        """

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """Give a page's next cursor and has_more, as `encode` does, and raise PageError when that does."""

    def split(self, body: bytes) -> SplitPage:
        """Cut a page into records without a look at their columns. Raises PageError when `encode` does."""

    def extract(self, records: list[bytes], *, now_us: int) -> ExtractedRows:
        """Take the columns from records one by one, by the same checks as `encode`.

        A record that is not exactly one JSON value, whitespace around it apart, is a reject with code `syntax`.
        """

@final
class TimestampReader:
    """Reads timestamps as one policy says. `datasync.timestamps` is its face; this one knows no datetime.

    Args:
        policy: JSON of a `datasync.TimestampPolicy`.

    Raises:
        PlanError: the policy makes no sense.
    """

    def __new__(cls, policy: bytes) -> TimestampReader: ...
    def read(self, value: object, now_us: int) -> int | str | None:
        """Make microseconds of `value`; a str is the code of the refusal."""

    def read_many(self, values: list[object], now_us: int) -> Instants: ...

@final
class Instants(Buffer):
    """Microseconds as int64 of this machine, -2^63 for None and refused values. `memoryview` gives bytes.

    Attributes:
        refused: index and code of each refused value.
        tally: see `EncodedPage.timestamps`.
    """

    refused: Final[list[tuple[int, str]]]
    tally: Final[dict[str, int]]
    def __len__(self) -> int: ...
