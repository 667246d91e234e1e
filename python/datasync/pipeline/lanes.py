"""Two ways from page bytes to rows. Both check every record by the same native code, so both give the same rows.

One difference is left: a member that a later one of the same key replaces is checked on the fast lane only, because
the record lane's transforms never see it.
"""

from typing import Protocol

import msgspec

from datasync import _native
from datasync.model import Chunk, EncoderPlan, Reject
from datasync.pipeline.records import read_records
from datasync.transforms.chain import Chain


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


class FastLane:
    """Page bytes go into Rust once and come back as COPY BINARY. No Python object per record."""

    name = "fast"
    weight = 3  # the page, its rows, and the rows once more in the stream to the database

    def __init__(self, plan: EncoderPlan) -> None:
        self._encoder = _native.PageEncoder(msgspec.json.encode(plan))

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
            rejects=[_reject(reject, cursor) for reject in page.rejects],
            next_cursor=page.next_cursor,
            has_more=page.has_more,
            total=page.total,
            last_key=page.last_key,
            last_timestamp_us=page.last_timestamp_us,
            newest_us=page.max_timestamp_us,
            timestamps=page.timestamps,
            cursor=cursor,
        )


class RecordLane:
    """Each record is decoded, goes through the transforms, and is encoded and checked again."""

    name = "record"
    weight = 6  # the page, its records, what transforms made of them, and that as Python objects

    def __init__(self, plan: EncoderPlan, chain: Chain) -> None:
        self._encoder = _native.PageEncoder(msgspec.json.encode(plan))
        self._chain = chain

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return self._encoder.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane."""
        page = self._encoder.split(body)
        read = read_records(self._encoder, self._chain, page.records, now_us=now_us)
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
            rows=extracted.rows,
            row_count=len(extracted.rows),
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
            dropped=len(page.records) - len(extracted.rows) - len(rejects),
            cursor=cursor,
            sources=[(index, page.offsets[index], page.records[index]) for index in read.indexes],
        )


def choose(plan: EncoderPlan, chain: Chain | None) -> Lane:
    """The fast lane, unless there are transforms."""
    return FastLane(plan) if chain is None else RecordLane(plan, chain)


def _reject(reject: _native.Reject, cursor: str | None) -> Reject:
    return Reject(cursor, reject.index, reject.offset, reject.code, reject.detail, reject.raw)
