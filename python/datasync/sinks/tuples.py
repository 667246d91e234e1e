"""Tuples of binary COPY as Python values, for sinks that aren't PostgreSQL."""

import struct
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from datasync.model import Chunk, Column, Kind, Row

_LENGTH: Final = struct.Struct(">i").unpack_from
_DOUBLE: Final = struct.Struct(">d").unpack
_NUMERIC: Final = struct.Struct(">HhHH").unpack_from
_ARRAY: Final = struct.Struct(">iiI").unpack_from

# 2000-01-01, since 1970
_EPOCH_US: Final = 946_684_800_000_000
_EPOCH_DAYS: Final = 10_957

ZEROS: Final = 100
"""Before or behind a number's own digits, that are written out."""

_SPECIAL: Final = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_NEGATIVE: Final = 0x4000


def rows_of(chunk: Chunk, columns: Sequence[Column]) -> Sequence[Row]:
    """The rows of a page, whichever lane it comes from; for the values see `_native.ExtractedRows`.

    On the fast lane they are made here, a few microseconds a value, under the GIL.
    """
    if chunk.rows is not None:
        return chunk.rows
    if chunk.copy is None:
        return ()
    return _decoded(bytes(memoryview(chunk.copy)), [_READERS[column.kind] for column in columns])


def plain(number: Decimal) -> str:
    """The digits as PostgreSQL writes them: no exponent, and no sign before zero.

    But where more than `ZEROS` of them would only tell how large or small it is, there is an exponent: a number of ten
    characters may have 131,072 digits. What is equal, to the last zero behind the point, is written in the same way.
    """
    number = number or number.copy_abs()
    if -ZEROS <= number.adjusted() <= ZEROS:
        return f"{number:f}"
    sign, places, exponent = number.as_tuple()
    digits = "".join(map(str, places))
    if int(exponent) >= 0:
        digits = digits.rstrip("0")  # those of a whole number, which may be written or not
    if 0 < number.adjusted() < len(digits) + ZEROS:
        return f"{number:f}"
    point = "." if len(digits) > 1 else ""
    return f"{'-' if sign else ''}{digits[0]}{point}{digits[1:]}E{number.adjusted():+}"


def _decoded(data: bytes, readers: Sequence[Callable[[bytes], object]]) -> list[Row]:
    rows: list[Row] = []
    at = 0
    while at < len(data):
        at += 2  # the number of fields
        row: list[object] = []
        for read in readers:
            (length,) = _LENGTH(data, at)
            at += 4
            if length < 0:
                row.append(None)
            else:
                row.append(read(data[at : at + length]))
                at += length
        rows.append(tuple(row))
    return rows


def _whole(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _double(raw: bytes) -> float:
    number: float = _DOUBLE(raw)[0]
    return number


def _numeric(raw: bytes) -> Decimal:
    count, weight, sign, scale = _NUMERIC(raw)
    if sign in _SPECIAL:
        return Decimal(_SPECIAL[sign])
    digits = "".join(f"{int.from_bytes(raw[at : at + 2], 'big'):04}" for at in range(8, 8 + 2 * count, 2))
    # The last group counts ten thousands to this power; what is wanted is `scale` digits after the point.
    shift = 4 * (weight - count + 1) + scale
    if scale == 0 and shift > 0:
        return Decimal(f"{'-' if sign == _NEGATIVE else ''}{digits or '0'}E{shift}")  # there may be 131,072 of them
    digits = digits + "0" * shift if shift >= 0 else digits[:shift]
    return Decimal(f"{'-' if sign == _NEGATIVE else ''}{digits or '0'}E-{scale}")


def _texts(raw: bytes) -> list[str | None]:
    dimensions, _, _ = _ARRAY(raw)
    texts: list[str | None] = []
    at = 20
    while dimensions and at < len(raw):
        (length,) = _LENGTH(raw, at)
        at += 4
        texts.append(None if length < 0 else raw[at : at + length].decode())
        at += max(0, length)
    return texts


_READERS: Final[dict[Kind, Callable[[bytes], object]]] = {
    "text": bytes.decode,
    "json": bytes.decode,
    "jsonb": lambda raw: raw[1:].decode(),  # behind the version
    "timestamptz": lambda raw: _whole(raw) + _EPOCH_US,
    "date": lambda raw: _whole(raw) + _EPOCH_DAYS,
    "bigint": _whole,
    "integer": _whole,
    "numeric": _numeric,
    "double precision": _double,
    "boolean": lambda raw: raw == b"\1",
    "uuid": lambda raw: str(uuid.UUID(bytes=raw)),
    "bytea": bytes,
    "text[]": _texts,
}
