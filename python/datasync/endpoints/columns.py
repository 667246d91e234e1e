"""Columns as they are declared, made into those that the core takes."""

from collections.abc import Sequence

import msgspec

from datasync.config.spec import ColumnSpec
from datasync.model import Column
from datasync.timestamps import TimestampPolicy

DEFAULT = (
    ColumnSpec(name="id", key=True, required=True),
    ColumnSpec(name="data", path="", type="jsonb", required=True),
)
"""Where a table declares none: the key and the whole record."""


def columns(specs: Sequence[ColumnSpec] | None) -> tuple[Column, ...]:
    """In the same order; None is `DEFAULT`."""
    return tuple(map(_column, DEFAULT if specs is None else specs))


def _column(spec: ColumnSpec) -> Column:
    return Column(
        name=spec.name,
        path=_name(spec.name) if spec.path is None else spec.path,
        kind=spec.type,
        required=spec.required or spec.key,
        key=spec.key,
        source=spec.source,
        mismatch=spec.mismatch,
        constant=msgspec.json.encode(spec.value).decode() if spec.source == "constant" else None,
        timestamp=TimestampPolicy(unit=spec.unit) if spec.type == "timestamptz" and spec.unit != "auto" else None,
    )


def _name(name: str) -> str:
    """The path to the member called `name`, whatever characters it has."""
    return name if name.isidentifier() else f"[{msgspec.json.encode(name).decode()}]"
