"""How records in quarantine are shown: tables and text that can't harm a terminal, and JSON."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

ROW: Final = 16
"""Bytes in a line of a hex dump."""


def concealed(row: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """Give a row with secrets masked in what is neither ours nor the record itself."""
    return {key: mask(value) if key in ("detail", "page_cursor") and value else value for key, value in row.items()}


def visible(text: str, keep: str = "") -> str:
    r"""Give `text` with everything that can't be seen as `\x1b` or `\u202e`, but for the characters to `keep`."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text
    )


def json_line(values: Mapping[str, object]) -> str:
    """Give one JSON object without a line break, for a terminal and for programs."""
    text = msgspec.json.encode({key: _plain(value) for key, value in values.items()}).decode()
    if text.isprintable():
        return text
    # Inside of strings alone, for JSON has its own escapes up to U+001F; json writes what is beyond U+FFFF as a pair.
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1].replace("\x7f", "\\u007f") for char in text)


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Iterator[str]:
    """Give lines with a column for each key of `columns`, under its title. Numbers stand at the right."""
    cells = [[visible(_text(row[key])) for key in columns] for row in rows]
    titles = list(columns.values())
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    right = [bool(rows) and isinstance(rows[0][key], int) for key in columns]
    for line in [titles, *cells]:
        aligned = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def record(row: Mapping[str, Any], mask: Callable[[str], str]) -> Iterator[str]:
    """Give lines with everything about a record, its bytes last: as text if they are UTF-8, else as a hex dump."""
    for key, value in row.items():
        if key != "raw":
            yield f"{key + ':':<16}{visible(_text(value))}"
    yield ""
    text = as_text(row["raw"])
    if text is None:
        yield from hex_dump(row["raw"])
    else:
        yield visible(mask(text), keep="\n\t")


def exported(row: Mapping[str, Any]) -> dict[str, object]:
    """Give what an export says of a record: everything, its exact bytes as base64, and its text if it is one."""
    raw = row["raw"]
    known = {key: value for key, value in row.items() if key != "raw"}
    return known | {"raw": base64.b64encode(raw).decode(), "text": as_text(raw)}


def as_text(raw: bytes) -> str | None:
    """Decode UTF-8; None if it isn't that."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def hex_dump(raw: bytes) -> Iterable[str]:
    """Give lines of offset, bytes and printable ASCII."""
    for start in range(0, len(raw), ROW):
        part = raw[start : start + ROW]
        seen = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        yield f"{start:08x}  {part.hex(' '):<{3 * ROW - 1}}  {seen}"


def _plain(value: object) -> object:
    return _text(value) if isinstance(value, datetime) else value


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else str(value)
