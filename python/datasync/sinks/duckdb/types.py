"""How columns and their values go to DuckDB."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from datasync.errors import ConfigError
from datasync.model import Column, Kind
from datasync.sinks.tuples import plain

TYPES: Final[dict[Kind, str]] = {
    "text": "VARCHAR",
    "json": "JSON",
    "jsonb": "JSON",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "numeric": "VARCHAR",  # a DECIMAL has a fixed scale and at most 38 digits
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "uuid": "UUID",
    "bytea": "BLOB",
    "text[]": "VARCHAR[]",
}
"""As DuckDB's own catalogue names them."""

ORDERED: Final = ("text", "timestamptz", "date", "bigint", "integer", "double precision")
"""Kinds whose values DuckDB and Python put in the same order."""

# What is handed over, and what makes the column's type of it.
_HANDED: Final[dict[Kind, tuple[str, str]]] = {
    "json": ("VARCHAR", "CAST({} AS JSON)"),
    "jsonb": ("VARCHAR", "CAST({} AS JSON)"),
    "timestamptz": ("BIGINT", "make_timestamptz({})"),
    "date": ("INTEGER", "DATE '1970-01-01' + {}"),
    "uuid": ("VARCHAR", "CAST({} AS UUID)"),
}


def quoted(name: str) -> str:
    """A name as it may stand in a statement."""
    return '"' + name.replace('"', '""') + '"'


def selected(columns: Sequence[Column]) -> str:
    """A SELECT of rows, from one list of values for each column."""
    parts = []
    for number, column in enumerate(columns, 1):
        type_, made = _HANDED.get(column.kind, (TYPES[column.kind], "{}"))
        parts.append(f"{made.format(f'unnest(CAST(${number} AS {type_}[]))')} AS {quoted(column.name)}")
    return f"SELECT {', '.join(parts)}"


def values(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The lists that `selected` takes."""
    turned: list[list[Any]] = [list(one) for one in zip(*rows, strict=True)] if rows else [[] for _ in columns]
    for column, list_ in zip(columns, turned, strict=True):
        if column.kind == "numeric":
            list_[:] = [None if value is None else plain(value) for value in list_]
    return turned


def ordering(columns: Sequence[Column], newer_by: str) -> Callable[[Sequence[Any]], tuple[bool, bool, Any]]:
    """What tells which of two rows is newer: NULL is less than anything, NaN greater.

    Raises:
        ConfigError: no column of that name, or of a kind that has no order here.
    """
    for index, column in enumerate(columns):
        if column.name == newer_by and not column.key:
            if column.kind not in ORDERED:
                raise ConfigError(
                    f"`{newer_by}` is {column.kind}, by which rows can't be ordered in DuckDB",
                    hint=f"name a column of {', '.join(ORDERED)}",
                )

            def order(row: Sequence[Any], at: int = index) -> tuple[bool, bool, Any]:
                value = row[at]
                nan = value != value  # noqa: PLR0124 - that is what NaN is known by
                return value is not None, nan, 0 if value is None or nan else value

            return order
    raise ConfigError(
        f"no column `{newer_by}` tells which row is newer",
        hint=f"the columns are {', '.join(column.name for column in columns if not column.key)}",
    )
