"""An answer's body taken apart: where the records are, and what stands around them."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from datasync.envelope import at
from datasync.errors import NotAPage
from datasync.jsonpaths import path

Record: TypeAlias = dict[str, Any]
Format: TypeAlias = Literal["json", "ndjson", "csv"]

DEPTH: Final = 3
"""Levels of objects that are searched."""

USUAL: Final = ("data", "items", "results", "records", "entries", "rows", "values", "list", "content", "value")
"""What the array of records is often called; decides where the sizes don't."""


class Document(msgspec.Struct, frozen=True):
    """A body.

    Attributes:
        root: the JSON; for the other formats the records.
        records_at: path to the records; None: there are none to be found.
        records: objects only.
        odd: elements of that array that are no objects.
    """

    root: Any
    format: Format
    records_at: str | None
    records: Sequence[Record]
    odd: int = 0


def read(body: bytes, content_type: str, records_at: str | None = None) -> Document:
    """Take a body apart. With `records_at` the records are looked for there only.

    Raises:
        NotAPage: it is neither JSON, lines of JSON, nor CSV.
    """
    kind = content_type.partition(";")[0].strip().lower()
    text = body.removeprefix(b"\xef\xbb\xbf")
    if kind in ("text/csv", "application/csv"):
        return _csv(text)
    if not text.strip():
        raise NotAPage("the answer is empty", hint="is this the address of a list of records?")
    if text.lstrip()[:1] == b"<":
        raise NotAPage(
            f"the answer is {kind or 'markup'}, not JSON",
            hint="that is a page for people, a login or a proxy; look for the address of the API itself",
        )
    try:
        root = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (found := _lines(text)) is not None:
            return Document(found, "ndjson", "", found)
        raise NotAPage(f"the answer is not JSON: {error}", hint="JSON, lines of JSON and CSV are read") from error
    place = find_records(root) if records_at is None else records_at
    found = at(root, place) if place is not None else None
    if not isinstance(found, list):
        return Document(root, "json", place if records_at is not None else None, [])
    records = [one for one in found if isinstance(one, dict)]
    return Document(root, "json", place, records, len(found) - len(records))


def find_records(root: Any) -> str | None:
    """Give the path of the root array, or of the largest array of objects within `DEPTH` levels, or None.

    An empty array counts where there is no other: an empty list is one, too.
    """
    if isinstance(root, list):
        return "" if all(isinstance(one, dict) for one in root[:5]) else None
    found: list[tuple[int, bool, int, str]] = []
    for keys, value in walk(root):
        if isinstance(value, list) and (not value or isinstance(value[0], dict)):
            usual = keys[-1].lower() in USUAL
            if value or usual:
                found.append((len(value), usual, -len(keys), path(keys)))
    return max(found)[3] if found else None


def walk(root: Any, depth: int = DEPTH) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the members of objects within objects, nearest first, with the keys that lead to them."""
    level: list[tuple[tuple[str, ...], Any]] = [((), root)]
    for _ in range(depth):
        level = [
            ((*keys, key), member)
            for keys, value in level
            if isinstance(value, dict)
            for key, member in value.items()
            if key.isprintable() and key
        ]
        yield from level


def envelope(document: Document) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give what stands around the records: members of objects, nothing of lists."""
    if document.format == "json" and document.records_at != "":
        yield from walk(document.root)


def title(name: str) -> str:
    """Write a header's name, which came in lower case, as it is usually written."""
    return "-".join(word.capitalize() for word in name.split("-"))


def _lines(text: bytes) -> list[Record] | None:
    try:
        found = msgspec.json.Decoder().decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) > 1 and all(isinstance(one, dict) for one in found) else None


def _csv(body: bytes) -> Document:
    try:
        rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotAPage(f"the answer is not CSV in UTF-8: {error}") from error
    records = [{key: value for key, value in row.items() if key is not None} for row in rows]
    return Document(records, "csv", "", records)
