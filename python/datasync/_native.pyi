"""The native encoder: JSON pages in, rows for PostgreSQL out, checked so that COPY never meets a value it refuses.

All `_us` are microseconds since 1970-01-01 UTC. All offsets are bytes from the start of the text handed in, a byte
order mark included. Everything here lets the interpreter go while it works and may be used by several threads at once.
"""

from typing import Final, final

from typing_extensions import Buffer

__all__ = [
    "COPY_HEADER",
    "COPY_TRAILER",
    "EncodedPage",
    "ExtractedRows",
    "PageEncoder",
    "PageError",
    "PlanError",
    "Reject",
    "SplitPage",
    "build_info",
    "inflate",
]

COPY_HEADER: Final[bytes]
"""What a binary COPY stream begins with: signature, flags and an empty extension."""

COPY_TRAILER: Final[bytes]
"""What a binary COPY stream ends with."""

def build_info() -> dict[str, str]:
    """Tell how this module was built: `version`, `profile` (release or debug), `target`, `pyo3` and `abi3`.

    Speeds of a debug build mean nothing.
    """

def inflate(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """Undo a content encoding.

    `gzip` may have several members. `deflate` is taken both with zlib's header, as the standard says, and without.
    Memory stays near `max_bytes` whatever the body claims.

    Args:
        body: all of it, as it came.
        encoding: `gzip` or `deflate`, in lower case.
        max_bytes: the result may be this long and no longer.

    Raises:
        PageError: code `inflate_limit`, `inflate_corrupt` (damaged, or followed by something), `inflate_truncated` or
            `inflate_unknown_encoding`. The offset is one of the compressed body.
    """

class PageError(ValueError):
    """The page as a whole can't be used; nothing of it was.

    Attributes:
        code: `empty_body`, `syntax` (the grammar is broken or the text ends early, so that the borders of the records
            can't be trusted), `not_an_object`, `records_missing` (no array at the plan's path), `envelope_type` (a
            cursor, total or has_more of a type that it can't have), or one of `inflate`.
        offset: byte at which it was noticed.
    """

    code: str
    offset: int

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
            `number_out_of_range` (beyond PostgreSQL's numeric), `too_deep`, `too_large` (256 MiB), and from `extract`
            alone `syntax`. Of a column: `required_missing`, `empty_key`, `key_too_long`, `type_mismatch`,
            `timestamp_invalid`, `timestamp_no_zone`, `timestamp_out_of_range`.
        detail: what and where, for a person. Holds nothing of the record's content.
        raw: the whole record as it came. Not always UTF-8.
    """

    @property
    def index(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def raw(self) -> bytes: ...

@final
class EncodedPage(Buffer):
    """A page as tuples of binary COPY.

    `memoryview(page)` gives the tuples, read-only and without a copy; `COPY_HEADER` goes before the first page of a
    stream and `COPY_TRAILER` behind the last.

    Attributes:
        rows: accepted records.
        records: accepted and refused ones.
        nbytes: length of the tuples, as `len(page)`.
        rejects: the refused records, in order.
        next_cursor: None if absent or null; a number stands as it is written.
        has_more: None if absent or null, which does not mean that this is the last page.
        total: None if absent or null.
        min_timestamp_us: earliest of the plan's first `timestamptz` column; None if no accepted record has one.
        max_timestamp_us: latest of it.
        last_key: key of the last accepted record; None if there is none.
        last_timestamp_us: of the last accepted record; None if it has none.
    """

    @property
    def rows(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def rejects(self) -> list[Reject]: ...
    @property
    def next_cursor(self) -> str | None: ...
    @property
    def has_more(self) -> bool | None: ...
    @property
    def total(self) -> int | None: ...
    @property
    def min_timestamp_us(self) -> int | None: ...
    @property
    def max_timestamp_us(self) -> int | None: ...
    @property
    def last_key(self) -> str | None: ...
    @property
    def last_timestamp_us(self) -> int | None: ...
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

    @property
    def records(self) -> list[bytes]: ...
    @property
    def offsets(self) -> list[int]: ...
    @property
    def next_cursor(self) -> str | None: ...
    @property
    def has_more(self) -> bool | None: ...
    @property
    def total(self) -> int | None: ...

@final
class ExtractedRows:
    """Rows as Python values.

    Attributes:
        rows: one tuple for each accepted record: `text` and `jsonb` columns are str, `timestamptz` columns int (us),
            SQL NULL is None.
        indexes: the record that each row comes from, among those handed in.
        rejects: the refused records, in order.
        min_timestamp_us: see EncodedPage, as the ones below.
        max_timestamp_us: see EncodedPage.
        last_key: see EncodedPage.
        last_timestamp_us: see EncodedPage.
    """

    @property
    def rows(self) -> list[tuple[object, ...]]: ...
    @property
    def indexes(self) -> list[int]: ...
    @property
    def rejects(self) -> list[Reject]: ...
    @property
    def min_timestamp_us(self) -> int | None: ...
    @property
    def max_timestamp_us(self) -> int | None: ...
    @property
    def last_key(self) -> str | None: ...
    @property
    def last_timestamp_us(self) -> int | None: ...

@final
class PageEncoder:
    """A compiled plan.

    Of equal keys the last counts, at every level and in the envelope too, as in PostgreSQL's jsonb. Numbers and strings
    of a `jsonb` column go through as they are written, never through a float. A timestamp is text in ISO 8601 with a
    zone, or a number (also as text) that is plausible, from 2000 to a day after `now_us`, in s, ms, us or ns; it is cut
    to microseconds towards the past, never rounded.
    """

    def __new__(cls, plan: bytes) -> PageEncoder:
        """Compile `plan`.

        Args:
            plan: JSON of `datasync.model.EncoderPlan`: `records`, `next_cursor`, `has_more` and `total` are dotted
                paths from the page's root, the last three optional; `max_depth` (256) counts the record itself as 1;
                `max_key_bytes` (1024) is in UTF-8; `columns` have `name`, `path` (from the record's root, "" is all of
                it), `kind` (`text`, `timestamptz`, `jsonb`), `required` and `key` (at most one, of kind `text`).

        Raises:
            PlanError: it isn't such a plan. Unknown fields are refused as well.
        """

    def encode(self, body: bytes, *, now_us: int) -> EncodedPage:
        """Turn a page into COPY tuples.

        Args:
            body: the page as it came.
            now_us: when it came; bounds what a number may mean as a timestamp.

        Raises:
            PageError: the page as a whole can't be used.
        """

    def split(self, body: bytes) -> SplitPage:
        """Cut a page into records without a look at their columns.

        Raises:
            PageError: exactly when `encode` raises it.
        """

    def extract(self, records: list[bytes], *, now_us: int) -> ExtractedRows:
        """Take the columns from records one by one, by the same checks as `encode`.

        A record that is not exactly one JSON value, whitespace around it apart, is a reject with code `syntax`.
        """
