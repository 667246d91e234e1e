"""From the columns of the configuration to those of the plan."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from datasync import jsonpaths
from datasync.config.spec import Child, ColumnSpec
from datasync.config.spec.endpoint import DEFAULT_COLUMNS
from datasync.model import Column
from datasync.timestamps import TimestampPolicy

PARENT: Final = "parent_key"
POSITION: Final = "position"
"""Columns of the table of a list inside of records, before all others. Both are its key."""

_ROOT: Final = re.compile(r"^\$(?:\.|$|(?=\[))")
"""How JSONPath begins; the core's paths begin with the first name."""


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


def of_elements(child: Child, key: Column) -> tuple[Column, ...]:
    """Give the columns of a list's table, of records with this key.

    The paths are from the root of `{"k": key, "n": position, "v": element}`, which is what the core is given for each.
    """
    inner = [msgspec.structs.replace(column, path=_under(column), key=False) for column in columns(child.columns)]
    return (
        Column(PARENT, "k", key.kind, required=True),
        Column(POSITION, "n", "integer", required=True),
        *inner,
    )


def _under(column: Column) -> str:
    if column.source != "record":
        return column.path
    return "v" + (column.path if column.path.startswith("[") or not column.path else f".{column.path}")


def _column(spec: ColumnSpec) -> Column:
    path = spec.path
    if path is None:
        path = jsonpaths.path((spec.name,)) if spec.source == "record" else ""
    return Column(
        name=spec.name,
        path=_ROOT.sub("", path),
        kind=spec.type,
        required=spec.required or spec.key,
        key=spec.key,
        source=spec.source,
        mismatch=spec.mismatch,
        constant=msgspec.json.encode(spec.value).decode() if spec.source == "constant" else None,
        timestamp=spec.timestamp if spec.unit == "auto" else TimestampPolicy(unit=spec.unit),
    )
