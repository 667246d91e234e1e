"""What the native encoder does, slow and obvious: the page becomes a tree, and every rule is one visible step.

Tests hold the encoder to this. It shares no code with it and looks at one thing at a time.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from datasync.model import Column, EncoderPlan
from tests.reference_json import GRAMMAR, Broken, Flaw, Parser, Value, utf8_flaws
from tests.reference_timestamp import Refused, from_number, from_text

POSTGRES_EPOCH_US = 946_684_800_000_000


class PageRefused(Exception):
    """Stands for PageError."""

    def __init__(self, code: str, offset: int) -> None:
        super().__init__(code, offset)
        self.code = code
        self.offset = offset


@dataclass
class Page:
    """Stands for EncodedPage. A reject is (index, offset, code, raw)."""

    tuples: bytes = b""
    records: int = 0
    rejects: list[tuple[int, int, str, bytes]] = field(default_factory=list)
    next_cursor: str | None = None
    has_more: bool | None = None
    total: int | None = None
    keys: list[object] = field(default_factory=list)
    timestamps: list[object] = field(default_factory=list)


def encode(plan: EncoderPlan, body: bytes, now_us: int) -> Page:
    """Stands for PageEncoder.encode."""
    root, records, flaws = _parse(plan, body)
    page = Page(records=len(records))
    page.next_cursor, page.has_more, page.total = _envelope(plan, root)
    for index, record in enumerate(records):
        raw = body[record.start : record.end]
        try:
            _check(plan, record, raw, flaws)
            fields = [_field(column, plan, record, raw, now_us) for column in plan.columns]
        except Refused as refused:
            page.rejects.append((index, record.start, refused.code, raw))
            continue
        page.tuples += struct.pack(">h", len(fields))
        for encoded, _ in fields:
            page.tuples += struct.pack(">i", -1) if encoded is None else struct.pack(">i", len(encoded)) + encoded
        meanings = list(zip(plan.columns, (meaning for _, meaning in fields), strict=True))
        page.keys.append(next((meaning for column, meaning in meanings if column.key), None))
        times = [meaning for column, meaning in meanings if column.kind == "timestamptz"]
        page.timestamps.append(times[0] if times else None)
    return page


def outcome(plan: EncoderPlan, body: bytes, now_us: int) -> Page | PageRefused:
    """The page, or why there is none."""
    try:
        return encode(plan, body, now_us)
    except PageRefused as refused:
        return refused


def _parse(plan: EncoderPlan, body: bytes) -> tuple[Value, Sequence[Value], list[Flaw]]:
    start = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    blank = re.compile(rb"[ \t\r\n]*")
    start = blank.match(body, start).end()  # type: ignore[union-attr]  # it matches nothing if nothing else
    if start == len(body):
        raise PageRefused("empty_body", start)
    if body[start : start + 1] != b"{":
        raise PageRefused("not_an_object", start)
    parser = Parser(body)
    try:
        root = parser.document(start)
    except Broken as broken:
        raise PageRefused("syntax", broken.offset) from None
    # Flaws outside of records break the page. An array that an equal key replaced held records too.
    arrays = [value for value in _all(root, plan.records.split(".")) if value.kind == "array"]
    outside = bytearray(body)
    for array in arrays:
        outside[array.start : array.end] = b" " * (array.end - array.start)
    flaws = [flaw for flaw in parser.flaws if not any(a.start <= flaw.offset < a.end for a in arrays)]
    flaws = [flaw for flaw in flaws if flaw.code in GRAMMAR] + utf8_flaws(bytes(outside), 0)
    if flaws:
        raise PageRefused("syntax", min(flaws).offset)
    records = _at(root, plan.records)
    if records is None or records.kind != "array":
        raise PageRefused("records_missing", root.start if records is None else records.start)
    return root, records.items, parser.flaws


def _all(value: Value, path: Sequence[str]) -> Iterator[Value]:
    if not path:
        yield value
        return
    for key, member in value.members:
        if key == path[0]:
            yield from _all(member, path[1:])


def _at(value: Value, path: str) -> Value | None:
    for key in path.split(".") if path else []:
        found = [member for name, member in value.members if name == key]
        if not found:
            return None
        value = found[-1]
    return value


def _envelope(plan: EncoderPlan, root: Value) -> tuple[str | None, bool | None, int | None]:
    def value(path: str | None) -> Value | None:
        found = None if path is None else _at(root, path)
        return None if found is None or found.word == b"null" else found

    cursor, has_more, total = value(plan.next_cursor), value(plan.has_more), value(plan.total)
    if cursor is not None:
        number = cursor.word[:1] in b"-0123456789" and cursor.kind == "bare"
        if not number and (cursor.text is None or any("\ud800" <= char <= "\udfff" for char in cursor.text)):
            raise PageRefused("envelope_type", cursor.start)
    if has_more is not None and has_more.word not in (b"true", b"false"):
        raise PageRefused("envelope_type", has_more.start)
    if total is not None and not (re.fullmatch(rb"[0-9]+", total.word) and int(total.word) < 2**64):
        raise PageRefused("envelope_type", total.start)
    return (
        None if cursor is None else cursor.word.decode() if cursor.text is None else cursor.text,
        None if has_more is None else has_more.word == b"true",
        None if total is None else int(total.word),
    )


def _check(plan: EncoderPlan, record: Value, raw: bytes, flaws: Sequence[Flaw]) -> None:
    if record.kind != "object":
        raise Refused("not_an_object")
    mine = [flaw for flaw in flaws if record.start <= flaw.offset < record.end]
    mine += utf8_flaws(raw, record.start)
    mine += [Flaw(start, "too_deep") for start, depth in _depths(record, 1) if depth > plan.max_depth]
    if mine:
        raise Refused(min(mine).code)


def _depths(value: Value, depth: int) -> Iterator[tuple[int, int]]:
    if value.kind in ("object", "array"):
        yield value.start, depth
    for inner in [*value.items, *(member for _, member in value.members)]:
        yield from _depths(inner, depth + 1)


def _field(
    column: Column, plan: EncoderPlan, record: Value, raw: bytes, now_us: int
) -> tuple[bytes | None, str | int | None]:
    value = _at(record, column.path)
    if value is None or value.word == b"null":
        if column.required:
            raise Refused("required_missing")
        return None, None
    if column.kind == "jsonb":
        return b"\x01" + raw[value.start - record.start : value.end - record.start], None
    if column.kind == "text":
        if value.text is None:
            raise Refused("type_mismatch")
        text = value.text.encode()
        if column.key and not text:
            raise Refused("empty_key")
        if column.key and len(text) > plan.max_key_bytes:
            raise Refused("key_too_long")
        return text, value.text
    micros = _timestamp(value, now_us)
    return struct.pack(">q", micros - POSTGRES_EPOCH_US), micros


def _timestamp(value: Value, now_us: int) -> int:
    if value.text is not None:
        return from_text(value.text, now_us)
    if value.kind == "bare" and value.word not in (b"true", b"false"):
        return from_number(value.word.decode(), now_us)
    raise Refused("type_mismatch")
