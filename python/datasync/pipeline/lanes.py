"""Two ways from page bytes to rows. Both check every record by the same native code, so both give the same rows.

One difference is left: a member that a later one of the same key replaces is checked on the fast lane only, because
the record lane's transforms never see it.
"""

from typing import Protocol

import msgspec

from datasync import _native
from datasync.model import Chunk, EncoderPlan, Reject
from datasync.transforms.chain import Chain, TransformFailed, Undecodable


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
        origins: list[int] = []  # index in the page of each record in `results`
        results: list[bytes] = []
        failures: list[Reject] = []
        for index, raw in enumerate(page.records):
            try:
                result = self._chain(raw)
            except Undecodable:
                result = raw  # the native check below says why, with the same code as on the fast lane
            except TransformFailed as error:
                failures.append(Reject(cursor, index, page.offsets[index], "transform_failed", str(error), raw))
                continue
            if result is not None:
                origins.append(index)
                results.append(result)
        extracted = self._encoder.extract(results, now_us=now_us)
        for reject in extracted.rejects:
            index = origins[reject.index]
            failures.append(Reject(cursor, index, page.offsets[index], reject.code, reject.detail, page.records[index]))
        failures.sort(key=lambda reject: reject.index)
        return Chunk(
            rows=extracted.rows,
            row_count=len(extracted.rows),
            nbytes=sum(map(len, results)),
            records=len(page.records),
            rejects=failures,
            next_cursor=page.next_cursor,
            has_more=page.has_more,
            total=page.total,
            last_key=extracted.last_key,
            last_timestamp_us=extracted.last_timestamp_us,
            newest_us=extracted.max_timestamp_us,
            timestamps=extracted.timestamps,
            dropped=len(page.records) - len(extracted.rows) - len(failures),
        )


def choose(plan: EncoderPlan, chain: Chain | None) -> Lane:
    """The fast lane, unless there are transforms."""
    return FastLane(plan) if chain is None else RecordLane(plan, chain)


def _reject(reject: _native.Reject, cursor: str | None) -> Reject:
    return Reject(cursor, reject.index, reject.offset, reject.code, reject.detail, reject.raw)
