"""The rows of a batch in the order of their keys, whichever lane they come from.

In that order an index is filled from left to right, and all writers lock rows in one order.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias, cast

import msgspec

from datasync._native import COPY_HEADER, COPY_TRAILER, SortedRows
from datasync.errors import SchemaMismatch
from datasync.failpoints import failpoint
from datasync.model import Chunk, Column, Reject, Row
from datasync.postgres.connection import Connection, affected
from datasync.sinks.postgres.names import TableName

PIECE: Final = 96 * 1024
"""Bytes handed to the socket at once. Larger ones hold up flow control, and from 128 KiB on glibc may map each anew."""

Place: TypeAlias = tuple[int, int]
"""Of a row in its batch: the number of the chunk, and that of the row there, in the order in which they came."""

_WHOLE: Final = {"bigint": 8, "integer": 4}
"""Bytes of a number in COPY."""


class Rows(Protocol):
    """Sorted rows. None of the methods changes them."""

    @property
    def repeated(self) -> int:
        """How many have a key that an earlier one has."""
        ...

    def __len__(self) -> int: ...

    def unique(self, *, last: bool) -> "Rows":
        """Give the first of those with equal keys, or the `last`."""
        ...

    def keys(self) -> list[Any]:
        """Give the key of each, as a parameter of a query; none at all where there is no key column."""
        ...

    def only(self, wanted: Sequence[Any]) -> "Rows":
        """Give those whose keys, as `keys` gives them, are among `wanted`."""
        ...

    def meets(self, other: "Rows") -> bool:
        """Whether both have a row of the same key, or may have."""
        ...

    async def copy(self, connection: Connection, table: TableName, names: Sequence[str], start: int, stop: int) -> int:
        """COPY the rows from `start` up to and without `stop` into the columns `names` of `table`. Give the number.

        Raises:
            SchemaMismatch: a value doesn't fit its column.
        """
        ...

    def place(self, row: int) -> Place:
        """Give the place of a row in its batch."""
        ...

    def reject(self, row: int, code: str, detail: str) -> Reject:
        """Give the record of a row as one to quarantine."""
        ...


def sort(chunks: Sequence[Chunk], columns: Sequence[Column]) -> Rows:
    """The rows of `chunks`, all of one lane. A full batch takes a few milliseconds, mostly without the GIL.

    Without a key column they keep their order.
    """
    key = next((index for index, column in enumerate(columns) if column.key), None)
    if any(chunk.rows is not None for chunk in chunks):
        numbered = [
            (chunk_number, row_number, row)
            for chunk_number, chunk in enumerate(chunks)
            for row_number, row in enumerate(chunk.rows or ())
        ]
        if key is not None:
            # Code points come in the order of their UTF-8.
            numbered.sort(key=lambda found: cast("Any", found[2][key]))
        return _TupleRows(chunks, key, numbered)
    encoded = [chunk for chunk in chunks if chunk.copy is not None]
    pages = SortedRows([chunk.copy for chunk in encoded if chunk.copy is not None])
    return _CopyRows(encoded, columns, None if key is None else columns[key], pages)


class _CopyRows:
    """Of the fast lane: tuples of COPY BINARY, which stay where they are."""

    def __init__(
        self, chunks: Sequence[Chunk], columns: Sequence[Column], key: Column | None, rows: SortedRows
    ) -> None:
        self._chunks = chunks
        self._columns = columns
        self._key = key
        self.rows = rows

    @property
    def repeated(self) -> int:
        return self.rows.repeated

    def __len__(self) -> int:
        return len(self.rows)

    def unique(self, *, last: bool) -> "_CopyRows":
        return self._with(self.rows.unique(last=last))

    def keys(self) -> list[Any]:
        if self._key is None:
            return []
        decode, _ = _codec(self._key)
        return list(map(decode, self.rows.keys()))

    def only(self, wanted: Sequence[Any]) -> "_CopyRows":
        assert self._key is not None  # nothing is known of a row without one
        _, encode = _codec(self._key)
        return self._with(self.rows.only(list(map(encode, wanted))))

    def meets(self, other: Rows) -> bool:
        # Of the other lane it isn't known.
        return not isinstance(other, _CopyRows) or self.rows.meets(other.rows)

    async def copy(self, connection: Connection, table: TableName, names: Sequence[str], start: int, stop: int) -> int:
        pieces = self._pieces(start, stop)
        status = await connection.copy_to_table(
            table.name, schema_name=table.schema, source=pieces, columns=list(names), format="binary"
        )
        failpoint("copy_done")
        return affected(status)

    async def _pieces(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The stream, made piece by piece: a batch needs no second copy of itself."""
        step = max(1, PIECE * len(self) // max(1, self.rows.nbytes))
        failpoint("copy_begun")
        yield COPY_HEADER
        for first in range(start, stop, step):
            # asyncpg takes any buffer, whatever its stubs say; a copy to bytes would be made for them alone.
            yield cast("bytes", memoryview(self.rows.tuples(first, min(first + step, stop))))
            failpoint("mid_copy")
        yield COPY_TRAILER

    def place(self, row: int) -> Place:
        return self._found(row)[:2]

    def reject(self, row: int, code: str, detail: str) -> Reject:
        page, index, offset, row_tuple = self._found(row)
        chunk = self._chunks[page]
        raw = self._record(row_tuple) if chunk.original is None else chunk.original.record(index)
        return Reject(chunk.cursor, index, offset, code, detail, raw)

    def _found(self, row: int) -> tuple[int, int, int, bytes]:
        found = self.rows.row(row)
        assert found is not None  # the caller counts by len()
        return found

    def _record(self, row: bytes) -> bytes:
        """The record as it came, of a page with a column that holds all of it."""
        at = 2
        for column in self._columns:
            length = int.from_bytes(row[at : at + 4], "big", signed=True)
            value = row[at + 4 : at + 4 + max(0, length)]
            if column.whole:
                return value[1:] if column.kind == "jsonb" else value
            at += 4 + len(value)
        return row

    def _with(self, rows: SortedRows) -> "_CopyRows":
        return _CopyRows(self._chunks, self._columns, self._key, rows)


class _TupleRows:
    """Of the record lane: Python tuples, each with the numbers of its chunk and of its place there."""

    def __init__(self, chunks: Sequence[Chunk], key: int | None, rows: Sequence[tuple[int, int, Row]]) -> None:
        self._chunks = chunks
        self._key = key
        self._rows = rows

    @property
    def repeated(self) -> int:
        return sum(one == other for one, other in pairwise(self.keys()))

    def __len__(self) -> int:
        return len(self._rows)

    def unique(self, *, last: bool) -> "_TupleRows":
        kept: dict[Any, tuple[int, int, Row]] = {}
        for key, found in zip(self.keys(), self._rows, strict=True):
            if last or key not in kept:
                kept[key] = found
        return self._with(list(kept.values()))

    def keys(self) -> list[Any]:
        key = self._key
        return [] if key is None else [row[key] for _, _, row in self._rows]

    def only(self, wanted: Sequence[Any]) -> "_TupleRows":
        # This lane has a uuid as text, the database gives it as an object.
        these = {str(key) if isinstance(key, uuid.UUID) else key for key in wanted}
        return self._with([found for key, found in zip(self.keys(), self._rows, strict=True) if key in these])

    def meets(self, other: Rows) -> bool:
        return not isinstance(other, _TupleRows) or not set(self.keys()).isdisjoint(other.keys())

    async def copy(self, connection: Connection, table: TableName, names: Sequence[str], start: int, stop: int) -> int:
        records: list[tuple[Any, ...]] = list(map(itemgetter(2), self._rows[start:stop]))
        try:
            status = await connection.copy_records_to_table(
                table.name, schema_name=table.schema, records=records, columns=list(names)
            )
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            # asyncpg makes of a value what the column takes now.
            raise SchemaMismatch(
                f"a value fits no column of `{table}` as it is now: {error}",
                hint="was the type of a column changed? Give it back, or read from the beginning with --restart",
            ) from error
        return affected(status)

    def place(self, row: int) -> Place:
        return self._rows[row][:2]

    def reject(self, row: int, code: str, detail: str) -> Reject:
        chunk_number, row_number, values = self._rows[row]
        chunk = self._chunks[chunk_number]
        if chunk.sources is None:
            return Reject(chunk.cursor, 0, 0, code, detail, msgspec.json.encode(values))
        index, offset, raw = chunk.sources[row_number]
        return Reject(chunk.cursor, index, offset, code, detail, raw)

    def _with(self, rows: Sequence[tuple[int, int, Row]]) -> "_TupleRows":
        return _TupleRows(self._chunks, self._key, rows)


def _codec(key: Column) -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    """From a key in COPY to a parameter of a query, and back."""
    if key.kind in _WHOLE:
        size = _WHOLE[key.kind]
        return (
            lambda raw: int.from_bytes(raw, "big", signed=True),
            lambda number: cast("int", number).to_bytes(size, "big", signed=True),
        )
    if key.kind == "uuid":
        return lambda raw: uuid.UUID(bytes=raw), lambda value: cast("uuid.UUID", value).bytes
    return bytes.decode, str.encode
