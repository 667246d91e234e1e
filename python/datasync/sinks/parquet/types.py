"""Rows as Arrow tables. What Arrow has no exact type for is text."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from datasync.model import Column, Kind, Row
from datasync.sinks.tuples import plain


def schema(columns: Sequence[Column]) -> pa.Schema:
    """The columns' types."""
    types: dict[Kind, pa.DataType] = {
        "timestamptz": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "double precision": pa.float64(),
        "boolean": pa.bool_(),
        "bytea": pa.binary(),
        "text[]": pa.list_(pa.string()),
    }
    # A decimal has a fixed scale and at most 76 digits, `numeric` has neither.
    return pa.schema([pa.field(column.name, types.get(column.kind, pa.string())) for column in columns])


def table(schema: pa.Schema, columns: Sequence[Column], pieces: Iterable[Sequence[Row]]) -> pa.Table:
    """All rows of `pieces`; only one piece at a time is there twice."""
    batches = [
        pa.record_batch(
            [
                pa.array(_values(column, values), type=field.type)
                for column, field, values in zip(columns, schema, zip(*rows, strict=True), strict=True)
            ],
            schema=schema,
        )
        for rows in pieces
    ]
    return pa.Table.from_batches(batches, schema=schema)


def _values(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    if column.kind == "numeric":
        return [None if value is None else plain(value) for value in values]
    return values
