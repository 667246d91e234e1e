"""What the records' fields are: columns with types, the one that looks like the key, and the order of the records."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from datasync.discovery.document import Record
from datasync.discovery.findings import ColumnFound, OrderFound
from datasync.jsonpaths import path
from datasync.model import Kind
from datasync.timestamps import NULL, normalize_timestamps

MOST: Final = 1000
"""Records that are looked at."""

TAKEN: Final = frozenset({"ingested_at"})
"""Names of columns that the table has besides."""

_LIKE_TIME: Final = re.compile(r"(^|_)(time|timestamp|ts|date|datetime|created|updated|modified|at|on|epoch|when)($|_)")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HEX: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEYS: Final = ("id", "uuid", "guid", "_id", "key", "slug", "code", "number")
KEY_KINDS: Final = ("uuid", "bigint", "text")
"""Of a column that may be a key."""
_FORMS: Final = {"text": "ISO 8601", "s": "epoch seconds", "ms": "epoch ms", "us": "epoch us", "ns": "epoch ns"}


def infer(records: Sequence[Record], now_us: int) -> tuple[ColumnFound, ...]:
    """Give a column for each field of the records, in the order in which they first come."""
    sample = records[:MOST]
    fields = dict.fromkeys(key for record in sample for key in record)
    taken = set(TAKEN)
    found = []
    for field in fields:
        if not field or not field.isprintable():
            continue  # PostgreSQL has no such name; the value stays in the rest
        values = [record.get(field) for record in sample]
        there = [value for value in values if value is not None]
        kind, how = _kind(_snake(field), there, now_us)
        unique = bool(there) and not isinstance(there[0], dict | list) and len(set(map(str, there))) == len(values)
        found.append(
            ColumnFound(_name(field, taken), path([field]), kind, how, null=len(values) - len(there), unique=unique)
        )
    return tuple(found)


def choose_key(columns: Sequence[ColumnFound], sample: int) -> ColumnFound | None:
    """Give the column that looks like the key: by its name, and because no value comes twice and none is missing.

    Args:
        columns: of the records.
        sample: how many records they were told by; a few prove nothing about a column with any name.
    """
    fit = [one for one in columns if one.unique and not one.null and one.kind in KEY_KINDS]
    for name in _KEYS:
        for one in fit:
            if one.name == name:
                return one
    for one in fit:
        if one.name.endswith(("_id", "_uuid", "_key")):
            return one
    return next((one for one in fit if sample >= 20 and one.kind != "text"), None)


def identities(records: Sequence[Record], key: str | None) -> list[str]:
    """Give what tells each record from others: its key, else all of it.

    Never compare whole records where there is a key: APIs write the same one in several ways.
    """
    return [repr(record.get(key)) if key in record else repr(sorted(record.items())) for record in records]


def key_field(records: Sequence[Record], columns: Sequence[ColumnFound], key: str | None) -> str | None:
    """Give the field that the column `key` is read from."""
    at = next((one.path for one in columns if one.name == key), None)
    return next((field for record in records[:1] for field in record if path([field]) == at), None)


def order_of(records: Sequence[Record], columns: Sequence[ColumnFound], key: str | None, now_us: int) -> OrderFound:
    """Say by what the records are sorted: a timestamp that only falls or rises, else the key."""
    fields = {path([field]): field for record in records for field in record}
    for one in columns:
        if one.kind in ("timestamptz", "date") and one.path in fields:
            seen = [record.get(fields[one.path]) for record in records]
            moments = [str(day) for day in seen] if one.kind == "date" else read_moments(seen, now_us)
            if (found := _direction(moments)) is not None:
                return OrderFound(one.name, "newest first" if found < 0 else "oldest first", len(records))
    for one in columns:
        if one.name == key and one.path in fields:
            values: list[Any] = [record.get(fields[one.path]) for record in records]
            comparable = {type(value) for value in values} in ({int}, {str})
            if comparable and (found := _direction(values)) is not None:
                return OrderFound(one.name, "descending" if found < 0 else "ascending", len(records))
    return OrderFound(None, "none", len(records))


def instants(records: Sequence[Record], column: ColumnFound, now_us: int) -> list[int]:
    """Give a column's moments, microseconds since 1970; those that can't be read are left out."""
    fields = {path([field]): field for record in records for field in record}
    field = fields.get(column.path)
    return [] if field is None else read_moments([record.get(field) for record in records], now_us)


def _direction(values: Sequence[Any]) -> int | None:
    if len(values) < 3 or len(set(values)) < 3:
        return None
    pairs = list(pairwise(values))
    if all(one <= other for one, other in pairs):
        return 1
    return -1 if all(one >= other for one, other in pairs) else None


def read_moments(values: Sequence[Any], now_us: int) -> list[int]:
    """Give the moments among values, microseconds since 1970, however they are written."""
    there = [value for value in values if isinstance(value, str | int | float) and not isinstance(value, bool)]
    try:
        return [one for one in normalize_timestamps(there, now_us=now_us).micros if one != NULL]
    except (TypeError, ValueError, OverflowError):
        return []


def _kind(name: str, values: Sequence[Any], now_us: int) -> tuple[Kind, str]:  # noqa: PLR0911 - a table
    if not values:
        return "jsonb", "null in every record seen"
    if (forms := _time_forms(name, values, now_us)) is not None:
        return "timestamptz", ", ".join(f"{_FORMS.get(form, form)} ({count})" for form, count in forms.items())
    types = {type(value) for value in values}
    if types == {bool}:
        return "boolean", "true and false"
    if types == {int}:
        fits = all(-(2**63) <= value < 2**63 for value in values)
        return ("bigint", "whole numbers") if fits else ("numeric", "whole numbers beyond bigint")
    if types <= {int, float}:
        finite = all(math.isfinite(value) and abs(value) < 2**53 for value in values)
        return ("double precision", "numbers") if finite else ("numeric", "numbers beyond double precision")
    if types == {str}:
        return _text_kind(values)
    if types <= {dict, list}:
        return "jsonb", "nested"
    return "jsonb", f"mixed: {', '.join(sorted(_json_name(one) for one in types))}"


def _text_kind(values: Sequence[str]) -> tuple[Kind, str]:
    if all(_HEX.fullmatch(value) for value in values) and all(_is_uuid(value) for value in values):
        return "uuid", "uuids"
    return ("date", "dates") if all(map(_is_date, values)) else ("text", "strings")


def _is_date(value: str) -> bool:
    try:
        return _DATE.fullmatch(value) is not None and date.fromisoformat(value).year > 0
    except ValueError:
        return False


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _time_forms(name: str, values: Sequence[Any], now_us: int) -> Mapping[str, int] | None:
    """Say how timestamps are written, or give None if these are none.

    A number alone is no timestamp: ids lie in the same range. Its name must say so, or others of the column be text.
    """
    if any(isinstance(value, bool | dict | list) for value in values):
        return None
    dates = [isinstance(value, str) and _DATE.fullmatch(value) is not None for value in values]
    try:
        found = normalize_timestamps(list(values), now_us=now_us)
    except (TypeError, ValueError, OverflowError):
        return None
    if any(dates) or len(found.refused) * 50 > len(values):  # one in fifty may be dirty
        return None
    written = any(isinstance(value, str) and not value.strip("-").isdigit() for value in values)
    if not written and not _LIKE_TIME.search(name):
        return None
    return {form: count for form, count in found.tally.items() if form in _FORMS}


def _json_name(kind: type) -> str:
    return {str: "strings", int: "numbers", float: "numbers", bool: "booleans", dict: "objects"}.get(kind, "arrays")


def _snake(field: str) -> str:
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3_\2\4", field)
    leading = "_" if field.startswith("_") else ""
    return leading + re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _name(field: str, taken: set[str]) -> str:
    """A name that PostgreSQL takes without quotes, as far as there is one, and that no other column has."""
    name = _snake(field).strip("_") if _snake(field) != "_id" else "_id"
    name = name[:58] or "field"
    name = f"field_{name}" if name[0].isdigit() else name
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    taken.add(unique)
    return unique
