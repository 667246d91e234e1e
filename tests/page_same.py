"""Holds the native encoder to `tests.reference`: both lanes, byte for byte."""

import json
import struct
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from datasync._native import PageEncoder, PageError, SortedRows
from datasync.model import Column, EncoderPlan
from tests import reference, reference_columns
from tests.reference_json import Parser

NOW_US = 1_769_600_000_000_000
PLAN = EncoderPlan(
    records="data",
    next_cursor="pagination.nextCursor",
    has_more="pagination.hasMore",
    total="meta.total",
    max_depth=5,
    max_key_bytes=12,
    columns=(
        Column("id", "id", "text", required=True, key=True),
        Column("event_type", "type", "text"),
        Column("timestamp", "timestamp", "timestamptz"),
        Column("page", "properties.page", "text"),
        Column("properties", "properties", "jsonb"),
        Column("data", "", "jsonb"),
    ),
)


def encoder(plan: EncoderPlan = PLAN) -> PageEncoder:
    return PageEncoder(msgspec.json.encode(plan))


def same(body: bytes, plan: EncoderPlan = PLAN) -> None:
    """Hold both lanes of the encoder to the reference."""
    expected = reference.outcome(plan, body, NOW_US)
    if isinstance(expected, reference.PageRefused):
        calls: list[Callable[[], object]] = [
            lambda: encoder(plan).encode(body, now_us=NOW_US),
            lambda: encoder(plan).split(body),
        ]
        for call in calls:
            with pytest.raises(PageError) as caught:
                call()
            assert (caught.value.code, caught.value.offset) == (expected.code, expected.offset)
        return
    fast = encoder(plan).encode(body, now_us=NOW_US)
    rejects = [(reject.index, reject.offset, reject.code, reject.raw) for reject in fast.rejects]
    assert rejects == expected.rejects
    tuples = b"".join(expected.tuples)
    assert bytes(fast) == tuples
    assert bytes(SortedRows([fast, fast]).tuples()) == reference.tuples([expected, expected])
    assert (fast.records, fast.rows, fast.nbytes) == (expected.records, len(expected.tuples), len(tuples))
    assert (fast.next_cursor, fast.has_more, fast.total) == (expected.next_cursor, expected.has_more, expected.total)
    times = [time for time in expected.timestamps if time is not None]
    key = expected.keys[-1] if expected.keys else None
    summary = (
        None if key is None else key[1],
        expected.timestamps[-1] if expected.timestamps else None,
        min(times, default=None),
        max(times, default=None),
    )
    assert (fast.last_key, fast.last_timestamp_us, fast.min_timestamp_us, fast.max_timestamp_us) == summary

    parts = encoder(plan).split(body)
    assert (parts.next_cursor, parts.has_more, parts.total) == (fast.next_cursor, fast.has_more, fast.total)
    assert all(body.startswith(raw, at) for raw, at in zip(parts.records, parts.offsets, strict=True))
    rows = encoder(plan).extract(parts.records, now_us=NOW_US)
    assert [(reject.index, reject.code, reject.raw) for reject in rows.rejects] == [
        (index, code, raw) for index, _, code, raw in expected.rejects
    ]
    assert sorted(rows.indexes + [reject.index for reject in rows.rejects]) == list(range(expected.records))
    assert b"".join(tuple_bytes(plan, row) for row in rows.rows) == tuples
    assert (rows.last_key, rows.last_timestamp_us, rows.min_timestamp_us, rows.max_timestamp_us) == summary
    assert rows.timestamps == fast.timestamps


def tuple_bytes(plan: EncoderPlan, row: tuple[object, ...]) -> bytes:
    """A row of the record lane as a COPY tuple."""
    out = len(row).to_bytes(2, "big")
    for column, value in zip(plan.columns, row, strict=True):
        encoded = None if value is None else WRITERS[column.kind](value)
        out += b"\xff\xff\xff\xff" if encoded is None else len(encoded).to_bytes(4, "big") + encoded
    return out


def _texts(values: list[str | None]) -> bytes:
    items = [json.dumps(value) for value in values]
    column = Column("a", "", "text[]")
    value = reference_columns.encode_column(
        column, PLAN, Parser(f"[{','.join(items)}]".encode()).document(0), f"[{','.join(items)}]".encode(), NOW_US
    )
    assert value.binary is not None
    return value.binary


WRITERS: dict[str, Callable[[Any], bytes]] = {
    "text": str.encode,
    "json": str.encode,
    "jsonb": lambda text: b"\x01" + text.encode(),
    "timestamptz": lambda micros: struct.pack(">q", micros - reference_columns.POSTGRES_EPOCH_US),
    "date": lambda days: struct.pack(">i", days - 10_957),
    "bigint": lambda number: struct.pack(">q", number),
    "integer": lambda number: struct.pack(">i", number),
    "double precision": lambda number: struct.pack(">d", number),
    "numeric": lambda number: reference_columns.NUMBERS["numeric"](str(number)).binary or b"",
    "boolean": lambda yes: b"\x01" if yes else b"\x00",
    "uuid": lambda text: uuid.UUID(text).bytes,
    "bytea": bytes,
    "text[]": _texts,
}
