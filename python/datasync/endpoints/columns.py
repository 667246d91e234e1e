"""From the columns of the configuration to those of the plan."""

from collections.abc import Sequence
from typing import Final

import msgspec

from datasync.config.spec import ColumnSpec
from datasync.model import Column
from datasync.timestamps import TimestampPolicy

DEFAULT: Final = (
    Column("id", "id", "text", required=True, key=True),
    Column("data", "", "jsonb", required=True),
)
"""Where nothing else is said: the key, and the whole record."""


def columns(specs: Sequence[ColumnSpec] | None) -> tuple[Column, ...]:
    """Give the columns; None is the default ones."""
    return DEFAULT if specs is None else tuple(map(_column, specs))


def _column(spec: ColumnSpec) -> Column:
    path = spec.path
    if path is None:
        path = spec.name if spec.source == "record" else ""
    return Column(
        name=spec.name,
        path="" if path == "$" else path.removeprefix("$."),
        kind=spec.type,
        required=spec.required,
        key=spec.key,
        source=spec.source,
        mismatch=spec.mismatch,
        constant=msgspec.json.encode(spec.value).decode() if spec.source == "constant" else None,
        timestamp=None if spec.unit == "auto" else TimestampPolicy(unit=spec.unit),
    )
