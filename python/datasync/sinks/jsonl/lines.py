"""Rows as lines of JSON. No digit and no microsecond is lost."""

import base64
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from datasync.model import Column, Kind, Row
from datasync.sinks.tuples import plain

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a zone would only cost time: all is UTC
_EPOCH_DAY: Final = _EPOCH.toordinal()


class Lines:
    """Writes rows of these columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        self._writers = [_WRITERS.get(column.kind) for column in columns]
        self._encoder = msgspec.json.Encoder()

    def encode(self, rows: Sequence[Row]) -> bytes:
        """A line for each row: an object with the columns in their order; NULL is null."""
        return self._encoder.encode_lines([self._object(row) for row in rows])

    def _object(self, row: Row) -> dict[str, Any]:
        return {
            name: value if value is None or write is None else write(value)
            for name, write, value in zip(self._names, self._writers, row, strict=True)
        }


def _json(text: str) -> msgspec.Raw:
    # As it came. A line break in it can only stand between its parts, where a space means the same.
    return msgspec.Raw(text.replace("\n", " ").replace("\r", " ").encode())


def _timestamp(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds") + "Z"


def _date(days: int) -> str:
    return date.fromordinal(_EPOCH_DAY + days).isoformat()


def _double(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _numeric(number: Decimal) -> msgspec.Raw | str:
    return msgspec.Raw(plain(number).encode()) if number.is_finite() else str(number)


_WRITERS: Final[dict[Kind, Callable[[Any], object]]] = {
    "json": _json,
    "jsonb": _json,
    "timestamptz": _timestamp,
    "date": _date,
    "double precision": _double,
    "numeric": _numeric,
    "bytea": lambda raw: base64.b64encode(raw).decode(),
}
