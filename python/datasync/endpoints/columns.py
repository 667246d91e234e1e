"""From the columns of the configuration to those of the plan."""

from collections.abc import Sequence

import msgspec

from datasync import jsonpaths
from datasync.config.spec import ColumnSpec
from datasync.config.spec.endpoint import DEFAULT_COLUMNS
from datasync.model import Column
from datasync.timestamps import TimestampPolicy


def columns(specs: Sequence[ColumnSpec] | None, *, clock: str | None = None) -> tuple[Column, ...]:
    """Give the columns; None is the default ones.

    Args:
        specs: as they are declared.
        clock: a `timestamptz` column that comes before all others of that type: by the first one the core tells how
            new a page is.
    """
    found = list(map(_column, DEFAULT_COLUMNS if specs is None else specs))
    place = next((n for n, column in enumerate(found) if column.name == clock), None)
    if place is not None:
        first = next(n for n, column in enumerate(found) if column.kind == "timestamptz")
        found.insert(first, found.pop(place))
    return tuple(found)


def _column(spec: ColumnSpec) -> Column:
    path = spec.path
    if path is None:
        path = jsonpaths.path((spec.name,)) if spec.source == "record" else ""
    return Column(
        name=spec.name,
        path="" if path == "$" else path.removeprefix("$."),
        kind=spec.type,
        required=spec.required or spec.key,
        key=spec.key,
        source=spec.source,
        mismatch=spec.mismatch,
        constant=msgspec.json.encode(spec.value).decode() if spec.source == "constant" else None,
        timestamp=spec.timestamp if spec.unit == "auto" else TimestampPolicy(unit=spec.unit),
    )
