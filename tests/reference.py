"""What the native encoder does, slow and obvious: the page becomes a tree, and every rule is one visible step.

Tests hold the encoder to this. It shares no code with it and looks at one thing at a time.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from datasync.model import EncoderPlan
from tests.reference_columns import Refused, encode_column
from tests.reference_json import GRAMMAR, Broken, Flaw, Parser, Value, utf8_flaws
from tests.reference_paths import at, follow, steps

BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"


class PageRefused(Exception):
    """Stands for PageError."""

    def __init__(self, code: str, offset: int) -> None:
        super().__init__(code, offset)
        self.code = code
        self.offset = offset


@dataclass
class Page:
    """Stands for EncodedPage. A reject is (index, offset, code, raw); a key is what sorts, and its text."""

    tuples: list[bytes] = field(default_factory=list)
    records: int = 0
    rejects: list[tuple[int, int, str, bytes]] = field(default_factory=list)
    next_cursor: str | None = None
    has_more: bool | None = None
    total: int | None = None
    keys: list[tuple[object, str] | None] = field(default_factory=list)
    timestamps: list[int | None] = field(default_factory=list)

    def add(self, plan: EncoderPlan, record: Value, body: bytes, now_us: int, flaw: str | None) -> None:
        """Take in the next record."""
        raw = body[record.start : record.end]
        self.records += 1
        if flaw is not None:
            self.rejects.append((self.records - 1, record.start, flaw, raw))
            return
        try:
            cells = [encode_column(column, plan, record, body, now_us) for column in plan.columns]
        except Refused as refused:
            self.rejects.append((self.records - 1, record.start, refused.code, raw))
            return
        out = struct.pack(">h", len(cells))
        for cell in cells:
            out += struct.pack(">i", -1) if cell.binary is None else struct.pack(">i", len(cell.binary)) + cell.binary
        self.tuples.append(out)
        self.keys.append(next((cell.key for cell in cells if cell.key is not None), None))
        times = [
            cell.micros
            for column, cell in zip(plan.columns, cells, strict=True)
            if column.kind == "timestamptz" and column.source == "record"
        ]
        self.timestamps.append(times[0] if times else None)


def encode(plan: EncoderPlan, body: bytes, now_us: int) -> Page:
    """Stands for PageEncoder.encode."""
    page = Page()
    if plan.format == "ndjson":
        for record, flaw in _lines(plan, body):
            page.add(plan, record, body, now_us, flaw)
        return page
    root, records, flaws = _parse(plan, body)
    page.next_cursor, page.has_more, page.total = _envelope(plan, root)
    for record in records:
        page.add(plan, record, body, now_us, _flaw(plan, record, body, flaws))
    return page


def outcome(plan: EncoderPlan, body: bytes, now_us: int) -> Page | PageRefused:
    """The page, or why there is none."""
    try:
        return encode(plan, body, now_us)
    except PageRefused as refused:
        return refused


def tuples(pages: Sequence[Page]) -> bytes:
    """Stands for SortedRows.tuples."""
    rows = [row for page in pages for row in page.tuples]
    keys = [key[0] for page in pages for key in page.keys if key is not None]
    if rows and len(keys) == len(rows):
        rows = [rows[index] for index in sorted(range(len(rows)), key=lambda index: keys[index])]  # type: ignore[arg-type,return-value]  # keys of one plan are of one type
    return b"".join(rows)


def _lines(plan: EncoderPlan, body: bytes) -> Iterator[tuple[Value, str | None]]:
    start = len(BOM) if body.startswith(BOM) else 0
    if not body[start:].strip(BLANK):
        raise PageRefused("empty_body", len(body))
    lines = body[start:].split(b"\n")
    for number, line in enumerate(lines):
        text = line.strip(BLANK)
        if text:
            begin = start + len(line) - len(line.lstrip(BLANK))
            value, flaw, early = _line(plan, body[: begin + len(text)], begin)
            if early and number == len(lines) - 1:
                raise PageRefused("syntax", len(body))
            yield value, flaw
        start += len(line) + 1


def _line(plan: EncoderPlan, body: bytes, start: int) -> tuple[Value, str | None, bool]:
    """The record that ends with `body`, what is wrong with it, and whether it ends too early."""
    parser = Parser(body)
    early = False
    try:
        value = parser.document(start)
    except Broken as broken:
        value = Value("object" if body[start : start + 1] == b"{" else "other", start, len(body))
        parser.flaws.append(Flaw(broken.offset, "syntax"))
        early = broken.early
    if value.kind != "object":
        parser.flaws.append(Flaw(start, "not_an_object"))
    value = value._replace(end=len(body))
    flaws = parser.flaws + utf8_flaws(body[start:], start)
    flaws += [Flaw(at, "too_deep") for at, depth in _depths(value, 1) if depth > plan.max_depth]
    # What is first in the text counts; a value of another type is so from its first byte on.
    return (
        value,
        min(flaws, key=lambda flaw: (flaw.offset, flaw.code != "not_an_object")).code if flaws else None,
        early,
    )


def _parse(plan: EncoderPlan, body: bytes) -> tuple[Value, Sequence[Value], list[Flaw]]:
    start = len(BOM) if body.startswith(BOM) else 0
    start += len(body[start:]) - len(body[start:].lstrip(BLANK))
    path = steps(plan.records)
    if start == len(body):
        raise PageRefused("empty_body", start)
    opening = b"{" if path and isinstance(path[0], str) else b"["
    if body[start : start + 1] != opening:
        raise PageRefused("not_an_object" if path else "records_missing", start)
    parser = Parser(body)
    try:
        root = parser.document(start)
    except Broken as broken:
        raise PageRefused("syntax", broken.offset) from None
    # Flaws outside of records break the page. An array that an equal key replaced held records too.
    arrays = [value for value in follow(root, path) if value.kind == "array"]
    outside = bytearray(body)
    for array in arrays:
        outside[array.start : array.end] = b" " * (array.end - array.start)
    flaws = [flaw for flaw in parser.flaws if not any(a.start <= flaw.offset < a.end for a in arrays)]
    flaws = [flaw for flaw in flaws if flaw.code in GRAMMAR] + utf8_flaws(bytes(outside), 0)
    if flaws:
        raise PageRefused("syntax", min(flaws).offset)
    records = at(root, path)
    if records is None or records.kind != "array":
        raise PageRefused("records_missing", root.start if records is None else records.start)
    return root, records.items, parser.flaws


def _envelope(plan: EncoderPlan, root: Value) -> tuple[str | None, bool | None, int | None]:
    def value(path: str | None) -> Value | None:
        found = None if path is None else at(root, steps(path))
        return None if found is None or found.word == b"null" else found

    cursor, has_more, total = value(plan.next_cursor), value(plan.has_more), value(plan.total)
    if cursor is not None:
        number = cursor.word[:1] in b"-0123456789" and cursor.kind == "bare"
        if not number and (cursor.text is None or any("\ud800" <= char <= "\udfff" for char in cursor.text)):
            raise PageRefused("envelope_type", cursor.start)
    if has_more is not None and has_more.word not in (b"true", b"false"):
        raise PageRefused("envelope_type", has_more.start)
    if total is not None and not (re.fullmatch(rb"[0-9]+", total.word) and int(total.word) < 2**63):
        raise PageRefused("envelope_type", total.start)
    return (
        None if cursor is None else cursor.word.decode() if cursor.text is None else cursor.text,
        None if has_more is None else has_more.word == b"true",
        None if total is None else int(total.word),
    )


def _flaw(plan: EncoderPlan, record: Value, body: bytes, flaws: Sequence[Flaw]) -> str | None:
    """What is wrong with a record of a page, before its columns are looked at."""
    if record.kind != "object":
        return "not_an_object"
    mine = [flaw for flaw in flaws if record.start <= flaw.offset < record.end]
    mine += utf8_flaws(body[record.start : record.end], record.start)
    mine += [Flaw(start, "too_deep") for start, depth in _depths(record, 1) if depth > plan.max_depth]
    return min(mine).code if mine else None


def _depths(value: Value, depth: int) -> Iterator[tuple[int, int]]:
    if value.kind in ("object", "array"):
        yield value.start, depth
    for inner in [*value.items, *(member for _, member in value.members)]:
        yield from _depths(inner, depth + 1)
