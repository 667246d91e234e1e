"""Bodies that the core doesn't read as they are: made into an array of records first."""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgspec

from datasync import envelope, jsonpaths
from datasync.errors import ConfigError, PageDamaged
from datasync.model import Chunk, EncoderPlan, Reject
from datasync.pipeline.lanes import Lane

csv.field_size_limit(sys.maxsize)  # how large a value may be the room for pages says

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Unwrapped(NamedTuple):
    """What a body holds: its records as a JSON array, and what it says of the next page.

    `width` is a CSV's. `listed` is how many elements the list has that a JSONPath chooses from, where it is one;
    `nested` says that the records come out of several.
    """

    records: bytes
    width: int = 0
    listed: int = 0
    nested: bool = False
    next_cursor: str | None = None
    has_more: bool | None = None
    total: int | None = None


Unwrap: TypeAlias = Callable[[bytes], Unwrapped]


class Unwrapping:
    """See Lane. A record's offset and raw bytes in a reject are those in the array, not in the body."""

    def __init__(self, lane: Lane, unwrap: Unwrap) -> None:
        """Take a lane for the plan that `array` gives."""
        self._lane = lane
        self._unwrap = unwrap
        self.name = lane.name
        self.weight = lane.weight + 2

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        found = self._unwrap(body)
        return found.next_cursor, found.has_more

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane."""
        found = self._unwrap(body)
        chunk = self._lane.encode(found.records, cursor=cursor, now_us=now_us)
        if found.listed > chunk.records:
            # What a filter passes over was on the page: paging counts it, and so does the API's total.
            passed_over = found.listed - chunk.records
            chunk = msgspec.structs.replace(chunk, records=found.listed, dropped=chunk.dropped + passed_over)
        if found.width:
            rejects = [_of_width(reject, found.width) for reject in chunk.rejects]
            chunk = msgspec.structs.replace(chunk, rejects=rejects)
        told = {"next_cursor": found.next_cursor, "has_more": found.has_more, "total": found.total}
        return msgspec.structs.replace(chunk, nested=found.nested, **told)


def _of_width(reject: Reject, width: int) -> Reject:
    if reject.code != "not_an_object":
        return reject
    detail = f"the row has {len(msgspec.json.decode(reject.raw))} values, and the first line names {width}"
    return msgspec.structs.replace(reject, code="csv_width", detail=detail)


def array(plan: EncoderPlan) -> EncoderPlan:
    """The plan for what comes out of an `Unwrap`."""
    return msgspec.structs.replace(plan, records="", next_cursor=None, has_more=None, total=None, format="json")


def csv_records(plan: EncoderPlan, seen: AbstractSet[str] | None) -> Unwrap:
    """Read CSV (RFC 4180) with a line of names; every value is a string, an empty one is null.

    A row with more or fewer values than there are names becomes an array, which is no record, and so a reject. A value
    that is not UTF-8 keeps its bytes, for the core to refuse. A page is damaged that ends in half of a character or in
    an open quote, or has names that are not UTF-8, twice the same, or missing; and one that is no CSV of ours: where no
    transform makes columns, its first line names none of the table's, or not the required ones; else it has no rows,
    and none of the names that were `seen` in earlier pages.
    """
    read = [column for column in plan.columns if column.source == "record" and column.path]
    names = {envelope.first(column.path) or "" for column in read}
    needed = {envelope.first(column.path) or "" for column in read if column.required or column.key}

    def lacking(line: list[str], *, empty: bool) -> set[str]:
        if seen is not None:
            return set(seen) if empty and seen.isdisjoint(line) else set()
        return needed - set(line) or (set() if names & set(line) else names)

    def unwrap(body: bytes) -> Unwrapped:
        line, records, empty = _csv(body)
        if line is None:
            return Unwrapped(records)
        if lacks := lacking(line, empty=empty):
            raise PageDamaged(
                f"the first line of the CSV names no {', '.join(f'`{name}`' for name in sorted(lacks))}",
                hint="each page begins with a line of names; is it the message of a proxy?",
            )
        return Unwrapped(records, len(line))

    return unwrap


def _csv(body: bytes) -> tuple[list[str] | None, bytes, bool]:
    """The first line if there is one, the array of records, and whether no line follows the first.

    Row by row: as Python objects all of them would take many times the memory of the page.
    """
    records = io.BytesIO()  # its value is no copy, as that of a bytearray would be
    between = b"["
    try:
        rows = csv.reader(io.StringIO(_text(body), newline=""), strict=True)
        line = next(rows, None)
        empty = True
        for row in rows:
            empty = False
            if row:
                records.write(between)
                records.write(_csv_encoded(_csv_record(line or (), row)))
                between = b","
    except (UnicodeDecodeError, csv.Error) as error:
        raise PageDamaged(f"the page is no CSV: {error}") from error
    if line and any("\ud800" <= character <= "\udfff" for character in "".join(line)):
        raise PageDamaged("the first line of the CSV is not UTF-8")
    if line and (len(set(line)) < len(line) or not all(line)):
        raise PageDamaged("the first line of the CSV names a column twice, or not at all")
    records.write(b"[]" if between == b"[" else b"]")
    return line, records.getvalue(), empty


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end == len(error.object):
            raise  # it may have been cut there
        return body.decode("utf-8-sig", "surrogateescape")


def _csv_record(names: Sequence[str], row: Sequence[str]) -> object:
    if len(row) != len(names):
        return row
    return {name: value or None for name, value in zip(names, row, strict=True)}


def _csv_encoded(record: object) -> bytes:
    try:
        return _ENCODER.encode(record)
    except UnicodeEncodeError:
        # The bytes that are no UTF-8 come out as they came.
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape")


def json_path(plan: EncoderPlan) -> Unwrap:
    """Find the records by the JSONPath (RFC 9535) in `plan.records`; those of an array that it selects, one by one.

    Numbers keep their digits; what else can be spelled in several ways may be spelled anew. A record with half of a
    surrogate pair or a word that is no number comes out with it, for the core to refuse.

    Raises:
        ConfigError: it is no JSONPath.
    """
    import jsonpath  # noqa: PLC0415  # 50 ms that few runs need

    try:
        path, shape = jsonpaths.compiled(plan.records), jsonpaths.shape(plan.records)
    except ValueError as error:
        raise ConfigError(
            f"`records = {plan.records!r}` is no JSONPath: {error}",
            hint="RFC 9535 says how they are written: `$.data[*]`",
        ) from error

    def unwrap(body: bytes) -> Unwrapped:
        try:
            page = _decoded(body)
            found: list[Any] = path.findall(page)
        except (RecursionError, ValueError, ArithmeticError, jsonpath.JSONPathError) as error:
            raise PageDamaged(
                f"the records can't be found in the page: {error}",
                hint="by a path of names alone a record that is no JSON goes to quarantine, and the others are stored",
            ) from error
        begin = envelope.at(page, shape.stem)
        if not (isinstance(begin, dict) and found) and not _has_list(begin, deep=shape.nested):
            where = f"`{shape.stem}`" if shape.stem else "its root"
            raise PageDamaged(f"the page has no list at {where}, from which `records` chooses", hint="is it an error?")
        listed = envelope.at(page, shape.lead)
        nested = shape.nested or (shape.chooses and any(isinstance(node, list) for node in found))
        records = [one for node in found for one in (node if isinstance(node, list) else [node])]
        return Unwrapped(
            _encoded(records),
            listed=len(listed) if isinstance(listed, list) and not nested else 0,
            nested=nested,
            next_cursor=envelope.cursor(page, plan.next_cursor),
            has_more=envelope.flag(page, plan.has_more),
            total=envelope.count(page, plan.total),
        )

    return unwrap


def _has_list(begin: Any, *, deep: bool) -> bool:
    """Whether what a path begins with is a list, or, where lists may stand `deep` in objects, has one in it."""
    ahead = [begin]
    while ahead:
        one = ahead.pop()
        if isinstance(one, list):
            return True
        if deep and isinstance(one, dict):
            ahead += one.values()
    return False


def _decoded(body: bytes) -> Any:
    try:
        return _DECODER.decode(body)
    except (ValueError, ArithmeticError):
        # The strict decoder gives up a page for one value that a record can be refused for.
        return json.loads(body.decode("utf-8-sig"), parse_float=_fraction, parse_int=_whole, parse_constant=Decimal)


def _fraction(digits: str) -> Decimal | msgspec.Raw:
    try:
        return Decimal(digits)
    except ArithmeticError:
        return msgspec.Raw(digits.encode())  # goes through as it is written, for the core to refuse


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < sys.int_info.default_max_str_digits else Decimal(digits)


def _encoded(records: Sequence[Any]) -> bytes:
    try:
        return _ENCODER.encode(records)
    except UnicodeEncodeError:
        return b"[" + b",".join(map(_with_halves, records)) + b"]"


def _with_halves(record: Any) -> bytes:
    try:
        return _ENCODER.encode(record)
    except UnicodeEncodeError:
        return json.dumps(record, default=str).encode()  # half of a pair, as the escape that it came as
