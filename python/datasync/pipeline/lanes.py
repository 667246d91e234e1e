"""Two ways from page bytes to rows. Both check every record by the same native code, so both give the same rows.

One difference is left: a member that a later one of the same key replaces is checked on the fast lane only, because
the record lane's transforms never see it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec
import structlog

from datasync import _native
from datasync.endpoints.paging.claims import arrays, envelope
from datasync.errors import PageDamaged
from datasync.model import Chunk, EncoderPlan, Original, Reject
from datasync.pipeline.elements import Elements
from datasync.pipeline.one_by_one import OneByOne
from datasync.pipeline.reasons import Reasons
from datasync.pipeline.records import read_records, take_elements


class Lane(Protocol):
    """Encodes pages. Called in a worker thread; the fast lane holds no GIL there."""

    @property
    def name(self) -> str:
        """`fast` or `record`."""
        ...

    @property
    def weight(self) -> int:
        """Bytes of memory that a byte of a page takes at most, from its arrival until it is stored."""
        ...

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """The page's next cursor and has_more, sooner than `encode` knows them.

        Raises:
            datasync._native.PageError: when `encode` does.
        """
        ...

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """Turn the page at `cursor` into rows and rejects.

        Raises:
            datasync._native.PageError: the page as a whole can't be used.
        """
        ...


@contextmanager
def reading(plan: EncoderPlan, body: bytes, *, first: bool = False) -> Iterator[None]:
    """Raise what a lane for `plan` finds wrong with a page as PageDamaged, which says where it was looked for.

    Of the `first` page of a stream it says what to look at: what isn't there may never have been.
    """
    try:
        yield
    except (_native.PageError, _native.CorePanic) as error:
        code = getattr(error, "code", "")
        hint = _elsewhere(body) if first and code == "records_missing" else None
        raise PageDamaged(f"the page can't be read: {error}{_sought(plan, code)}", hint=hint) from error


def _elsewhere(body: bytes) -> str:
    found = [f"`{path}`" for path in arrays(envelope(body))]
    if not found:
        return "look at `records`, `path` and `params`: the body has no array that is a member of objects"
    return f"look at `records`: the body has arrays at {', '.join(found[:5])}"


def _sought(plan: EncoderPlan, code: str) -> str:
    if code == "records_missing":
        return f"; they are looked for at `{plan.records or 'the root'}`"
    if code == "envelope_type":
        paths = [f"`{path}`" for path in (plan.next_cursor, plan.has_more, plan.total) if path]
        return f"; the page's own words are looked for at {', '.join(paths)}"
    return ""


class FastLane:
    """Page bytes go into Rust once and come back as COPY BINARY. No Python object per record."""

    name = "fast"

    def __init__(self, plan: EncoderPlan) -> None:
        self._encoder = _native.PageEncoder(msgspec.json.encode(plan))
        self._whole = any(column.whole for column in plan.columns)
        # The page, its rows, and what sorting and sending them takes; the page is kept where its rows don't tell all.
        self.weight = 3 if self._whole else 4

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return self._encoder.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane."""
        page = self._encoder.encode(body, now_us=now_us)
        return Chunk(
            copy=page,
            row_count=page.rows,
            nbytes=page.nbytes,
            records=page.records,
            rejects=_taken(page.rejects, cursor),
            next_cursor=page.next_cursor,
            has_more=page.has_more,
            total=page.total,
            last_key=page.last_key,
            last_timestamp_us=page.last_timestamp_us,
            newest_us=page.max_timestamp_us,
            timestamps=page.timestamps,
            cursor=cursor,
            original=None if self._whole else Original(body, self._encoder.split),
        )


class RecordLane:
    """Each record is decoded, goes through the transforms, and is encoded and checked again."""

    name = "record"
    weight = 6  # the page, its records, what transforms made of them, and that as Python objects

    def __init__(
        self,
        plan: EncoderPlan,
        chain: Callable[[bytes], bytes | None],
        encoder: OneByOne | None = None,
        *,
        elements: Sequence[Elements] = (),
    ) -> None:
        """Take what makes of a raw record the one to store, as `Chain` does, and what takes lists out of it."""
        self._encoder = encoder or _native.PageEncoder(msgspec.json.encode(plan))
        self._chain = chain
        self._elements = elements
        self._key = next((n for n, column in enumerate(plan.columns) if column.key), 0)

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return self._encoder.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane."""
        page = self._encoder.split(body)
        read = read_records(self._encoder, self._chain, page.records, now_us=now_us)
        read, children = take_elements(read, self._elements, self._key, now_us=now_us)
        extracted = read.extracted
        rejects = [
            Reject(
                cursor,
                refused.place,
                page.offsets[refused.place],
                refused.code,
                refused.detail,
                page.records[refused.place],
            )
            for refused in read.refusals
        ]
        return Chunk(
            rows=read.rows,
            row_count=len(read.rows),
            # Of each record there is what it was, and what it has become.
            nbytes=sum(map(len, page.records)) + read.nbytes,
            records=len(page.records),
            rejects=rejects,
            next_cursor=page.next_cursor,
            has_more=page.has_more,
            total=page.total,
            last_key=extracted.last_key,
            last_timestamp_us=extracted.last_timestamp_us,
            newest_us=extracted.max_timestamp_us,
            timestamps=extracted.timestamps,
            dropped=len(page.records) - len(read.rows) - len(rejects),
            cursor=cursor,
            sources=[(index, page.offsets[index], page.records[index]) for index in read.indexes],
            children=children,
        )


class PanicProof:
    """A lane that reads a page once more, record by record, when the core panics over it.

    A record over which it panics again goes to quarantine. It is something that nobody has thought of, and to stop
    there would keep all that follows out for good. Transforms see the records of such a page twice.
    """

    def __init__(self, lane: Lane, careful: Lane) -> None:
        self._lane = lane
        self._careful = careful
        self.name = lane.name
        self.weight = lane.weight

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return self._lane.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane.

        Raises:
            datasync._native.CorePanic: not even the records can be told apart.
        """
        try:
            return self._lane.encode(body, cursor=cursor, now_us=now_us)
        except _native.CorePanic as error:
            structlog.get_logger().error("reading a page record by record", cursor=cursor, reason=str(error))
            return self._careful.encode(body, cursor=cursor, now_us=now_us)


def _taken(found: list[_native.Reject], cursor: str | None) -> list[Reject]:
    """The rejects, taken out of what was found: it lives as long as the page, and a page may be nothing else."""
    reasons = Reasons()
    rejects: list[Reject] = []
    found.reverse()
    while found:
        one = found.pop()
        rejects.append(Reject(cursor, one.index, one.offset, *reasons(one.code, one.detail), one.raw))
    return rejects
