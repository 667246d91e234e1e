"""Bodies that the core doesn't read as they are: made into an array of records first."""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgspec

from datasync import envelope, jsonpaths
from datasync.errors import ConfigError, PageDamaged
from datasync.model import Chunk, EncoderPlan, Reject
from datasync.pipeline.lanes import Lane

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Unwrapped(NamedTuple):
    """What a body holds: its records as a JSON array, and what it says of the next page; `width` is a CSV's."""

    records: bytes
    width: int = 0
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
        if found.width:
            rejects = [_of_width(reject, found.width) for reject in chunk.rejects]
            chunk = msgspec.structs.replace(chunk, rejects=rejects)
        return msgspec.structs.replace(chunk, next_cursor=found.next_cursor, has_more=found.has_more, total=found.total)


def _of_width(reject: Reject, width: int) -> Reject:
    if reject.code != "not_an_object":
        return reject
    detail = f"the row has {len(msgspec.json.decode(reject.raw))} values, and the first line names {width}"
    return msgspec.structs.replace(reject, code="csv_width", detail=detail)


def array(plan: EncoderPlan) -> EncoderPlan:
    """The plan for what comes out of an `Unwrap`."""
    return msgspec.structs.replace(plan, records="", next_cursor=None, has_more=None, total=None, format="json")


def csv_records(body: bytes) -> Unwrapped:
    """Read CSV (RFC 4180) with a line of names; every value is a string, an empty one is null.

    A row with more or fewer values than there are names becomes an array, which is no record, and so a reject.

    Raises:
        PageDamaged: not UTF-8, a quote is left open, or a name comes twice or is empty.
    """
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PageDamaged(f"the page is no CSV: {error}") from error
    if not rows:
        return Unwrapped(b"[]")
    names = rows[0]
    if len(set(names)) < len(names) or not all(names):
        raise PageDamaged("the first line of the CSV names a column twice, or not at all")
    return Unwrapped(_ENCODER.encode([_csv_record(names, row) for row in rows[1:] if row]), len(names))


def _csv_record(names: Sequence[str], row: Sequence[str]) -> object:
    if len(row) != len(names):
        return row
    return {name: value or None for name, value in zip(names, row, strict=True)}


def json_path(plan: EncoderPlan) -> Unwrap:
    """Find the records by the JSONPath (RFC 9535) in `plan.records`; those of an array that it selects, one by one.

    Numbers keep their digits; what else can be spelled in several ways may be spelled anew. A record with half of a
    surrogate pair or a word that is no number comes out with it, for the core to refuse.

    Raises:
        ConfigError: it is no JSONPath.
    """
    import jsonpath  # noqa: PLC0415  # 50 ms that few runs need

    try:
        path = jsonpaths.compiled(plan.records)
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
        records = [one for node in found for one in (node if isinstance(node, list) else [node])]
        return Unwrapped(
            _encoded(records),
            next_cursor=envelope.cursor(page, plan.next_cursor),
            has_more=envelope.flag(page, plan.has_more),
            total=envelope.count(page, plan.total),
        )

    return unwrap


def _decoded(body: bytes) -> Any:
    try:
        return _DECODER.decode(body)
    except ValueError:
        # The strict decoder gives up a page for one value that a record can be refused for.
        return json.loads(body.decode("utf-8-sig"), parse_float=Decimal, parse_int=_whole, parse_constant=Decimal)


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
