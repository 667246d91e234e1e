"""Columns: JSON values into the binary form of PostgreSQL's types. Part of `tests.reference`."""

import base64
import binascii
import re
import struct
import uuid
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import msgspec

from datasync.model import Column, EncoderPlan
from tests import reference_timestamp
from tests.reference_json import NUMBER, Parser, Value
from tests.reference_paths import Step, at, steps

POSTGRES_EPOCH_US = 946_684_800_000_000


class Refused(Exception):
    """A record is refused, and by which code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Cell(NamedTuple):
    """What a column holds: `binary` None is NULL, `key` what sorts and its text, `micros` of a timestamp."""

    binary: bytes | None
    key: tuple[object, str] | None = None
    micros: int | None = None


def encode_column(  # noqa: C901 - one step per rule
    column: Column, plan: EncoderPlan, record: Value, body: bytes, now_us: int
) -> Cell:
    """The column of a record without flaws."""
    if column.source == "ingest_time":
        return Cell(_int8(now_us - POSTGRES_EPOCH_US))
    if column.source == "rest":
        rest = _without(record, [steps(path) for path in _taken(plan)], body)
        return Cell((b"\x01" if column.kind == "jsonb" else b"") + rest)
    if column.source == "constant":
        assert column.constant is not None
        body = column.constant.encode()
        value: Value | None = Parser(body).document(0)
    else:
        value = at(record, steps(column.path))
    cell = Cell(None)
    if value is not None and value.word != b"null":
        try:
            cell = _convert(column, value, body, now_us)
        except Refused:
            if column.mismatch != "null":
                raise
    if cell.binary is None and (column.required or column.key):
        raise Refused("required_missing")
    if column.key and column.kind == "text":
        if not cell.binary:
            raise Refused("empty_key")
        if len(cell.binary) > plan.max_key_bytes:
            raise Refused("key_too_long")
    return cell if column.key else cell._replace(key=None)


def _taken(plan: EncoderPlan) -> list[str]:
    """Paths of the fields that aren't part of the rest."""
    return [
        column.path
        for column in plan.columns
        if column.source == "record"
        and column.path
        and column.mismatch != "null"
        and all(isinstance(step, str) for step in steps(column.path))
    ]


def _without(value: Value, taken: Sequence[Sequence[Step]], body: bytes) -> bytes:
    if value.kind != "object" or not taken:
        return body[value.start : value.end]
    members = []
    for (key, member), start in zip(value.members, value.keys, strict=True):
        below = [path[1:] for path in taken if path[0] == key]
        if [] not in below:
            members.append(body[start : member.start] + _without(member, below, body))
    return b"{" + b",".join(members) + b"}"


def _convert(column: Column, value: Value, body: bytes, now_us: int) -> Cell:  # noqa: C901, PLR0911 - one step per kind
    raw = body[value.start : value.end]
    if column.kind == "json":
        return Cell(raw)
    if column.kind == "jsonb":
        return Cell(b"\x01" + raw)
    if column.kind == "timestamptz":
        policy = {} if column.timestamp is None else msgspec.to_builtins(column.timestamp)
        answer = reference_timestamp.read(raw, policy, now_us)
        if answer.refused is not None:
            raise Refused(answer.refused)
        micros = answer.micros
        return Cell(None if micros is None else _int8(micros - POSTGRES_EPOCH_US), micros=micros)
    if column.kind == "text[]":
        return Cell(_array(column, value, body))
    if column.kind == "boolean":
        if value.word not in (b"true", b"false"):
            raise Refused("type_mismatch")
        return Cell(b"\x01" if value.word == b"true" else b"\x00")
    if column.kind in NUMBERS:
        token = value.word.decode() if value.text is None else value.text
        special = value.text in ("NaN", "Infinity", "-Infinity") and column.kind == "double precision"
        if not NUMBER.fullmatch(token) and not special:
            raise Refused("type_mismatch")
        return NUMBERS[column.kind](token)
    text = raw.decode() if value.text is None and column.kind == "text" and column.mismatch == "text" else value.text
    if text is None:
        raise Refused("type_mismatch")
    return TEXTS[column.kind](text)


def _text(text: str) -> Cell:
    return Cell(text.encode(), key=(text.encode(), text))


def _date(text: str) -> Cell:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise Refused("date_invalid")
    try:
        return Cell(struct.pack(">i", (date.fromisoformat(text) - date(2000, 1, 1)).days))
    except ValueError:
        raise Refused("date_invalid") from None


def _uuid(text: str) -> Cell:
    plain = text[1:-1] if text.startswith("{") and text.endswith("}") and len(text) > 1 else text
    digits = "[0-9a-fA-F]"
    if not re.fullmatch(rf"{digits}{{8}}(-{digits}{{4}}){{3}}-{digits}{{12}}|{digits}{{32}}", plain):
        raise Refused("uuid_invalid")
    value = uuid.UUID(plain)
    return Cell(value.bytes, key=(value.bytes, str(value)))


def _bytea(text: str) -> Cell:
    try:
        standard = text.replace("-", "+").replace("_", "/")
        mixed = re.search("[-_]", text) and re.search("[+/]", text)
        padding = len(text) - len(text.rstrip("="))
        if mixed or (padding and len(text) % 4):
            raise Refused("base64_invalid")
        found = base64.b64decode(standard.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
        if padding > 2 or base64.b64encode(found).rstrip(b"=") != standard.rstrip("=").encode():
            raise Refused("base64_invalid")
    except (binascii.Error, ValueError):
        raise Refused("base64_invalid") from None
    return Cell(found)


def _array(column: Column, value: Value, body: bytes) -> bytes:
    if value.kind != "array":
        raise Refused("type_mismatch")
    out = b""
    for item in value.items:
        if item.word == b"null":
            out += struct.pack(">i", -1)
            continue
        if item.text is None and column.mismatch != "text":
            raise Refused("type_mismatch")
        text = body[item.start : item.end] if item.text is None else item.text.encode()
        out += struct.pack(">i", len(text)) + text
    has_null = any(item.word == b"null" for item in value.items)
    if not value.items:
        return struct.pack(">iii", 0, 0, 25)
    return struct.pack(">iiiii", 1, has_null, 25, len(value.items), 1) + out


def _exact(token: str) -> tuple[bool, int, int]:
    """Sign, digits and exponent."""
    found = re.fullmatch(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", token)
    assert found
    frac = found[3] or ""
    return found[1] == "-", int(found[2] + frac), int(found[4] or 0) - len(frac)


def _whole(token: str, bits: int) -> int:
    negative, digits, exponent = _exact(token)
    if digits == 0:
        return 0
    if exponent < 0:
        # A whole number ends in as many zeros; no token has more digits than bytes.
        scale: int = 10 ** min(-exponent, len(token))
        if digits % scale or -exponent > len(token):
            raise Refused("number_not_whole")
        digits //= scale
    else:
        digits *= int(10 ** min(exponent, 30))
    number = -digits if negative else digits
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise Refused("number_out_of_range")
    return number


def _bigint(token: str) -> Cell:
    number = _whole(token, 64)
    return Cell(_int8(number), key=(number, str(number)))


def _integer(token: str) -> Cell:
    number = _whole(token, 32)
    return Cell(struct.pack(">i", number), key=(number, str(number)))


def _double(token: str) -> Cell:
    number = float(token)
    if NUMBER.fullmatch(token):
        is_zero = _exact(token)[1] == 0
        if number in (float("inf"), float("-inf")) or (number == 0 and not is_zero):
            raise Refused("number_out_of_range")
    return Cell(struct.pack(">d", number))


def _numeric(token: str) -> Cell:
    negative, digits, exponent = _exact(token)
    if exponent >= 2**30 - 1 or (digits and len(str(digits)) + exponent > 131_072) or -exponent > 16_383:
        raise Refused("number_out_of_range")
    after = max(0, -exponent)
    places = -(-after // 4) * 4
    shifted = Fraction(digits) * Fraction(10) ** (exponent + places) if digits else Fraction(0)
    assert shifted.denominator == 1
    rest = int(shifted)
    groups: list[int] = []
    while rest:
        rest, group = divmod(rest, 10_000)
        groups.insert(0, group)
    weight = len(groups) - places // 4 - 1 if groups else 0
    while groups and groups[-1] == 0:
        groups.pop()
    header = struct.pack(">hhHH", len(groups), weight, 0x4000 if negative and groups else 0, after)
    return Cell(header + b"".join(struct.pack(">h", group) for group in groups))


def _int8(number: int) -> bytes:
    return struct.pack(">q", number)


NUMBERS: dict[str, Callable[[str], Cell]] = {
    "bigint": _bigint,
    "integer": _integer,
    "double precision": _double,
    "numeric": _numeric,
}
TEXTS: dict[str, Callable[[str], Cell]] = {"text": _text, "date": _date, "uuid": _uuid, "bytea": _bytea}
