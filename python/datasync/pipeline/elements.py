"""Lists inside of records, for tables of their own."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from datasync import _native, envelope
from datasync.config.columns import of_elements
from datasync.config.spec import Child
from datasync.model import ChildRows, EncoderPlan, Row

PIECE: Final = 10_000
"""Elements that are JSON again at once, each with the key of its record."""

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Taken(NamedTuple):
    """The elements of some records.

    Attributes:
        rows: of the child table, in the order of the records.
        refused: for a record with an element that can't be stored its place, a code and a detail.
    """

    rows: list[list[Row]]
    refused: dict[int, tuple[str, str]]


class Elements:
    """Takes one list out of each record, element by element, by the same checks as records."""

    def __init__(self, plan: EncoderPlan, child: Child) -> None:
        """Take the records' plan, and which list."""
        self._path = child.path
        self.table = child.table
        self.columns = of_elements(child, next(column for column in plan.columns if column.key))
        # Of what is no object a column that takes a member would be NULL, and nobody would know.
        inner = [column.path for column in self.columns if column.source == "record" and column.path[:1] == "v"]
        self._kinds = () if "v" in inner else (dict, list) if any(path[1:2] == "[" for path in inner) else (dict,)
        self._encoder = _native.PageEncoder(msgspec.json.encode(EncoderPlan(records="", columns=self.columns)))

    def take(self, raws: Sequence[bytes], keys: Sequence[Any], *, now_us: int) -> Taken:
        """Take the elements of records, each with its key. A value that is no list is refused, null is an empty one."""
        taken = Taken([[] for _ in raws], {})
        wrapped: list[bytes] = []
        owners: list[int] = []
        for place, (raw, key) in enumerate(zip(raws, keys, strict=True)):
            found = self._list(raw)
            if isinstance(found, tuple):
                taken.refused[place] = found
                continue
            for start in range(0, len(found), PIECE):
                part = found[start : start + PIECE]
                wrapped += [_ENCODER.encode({"k": key, "n": n, "v": value}) for n, value in enumerate(part, start)]
                owners += [place] * len(part)
                if len(wrapped) >= PIECE:
                    self._extract(wrapped, owners, keys, taken, now_us)
                    wrapped, owners = [], []
        self._extract(wrapped, owners, keys, taken, now_us)
        return taken

    def _list(self, raw: bytes) -> list[Any] | tuple[str, str]:
        """The list in a record, or a code and a detail."""
        try:
            found = envelope.at(_DECODER.decode(raw), self._path)
        except (msgspec.DecodeError, RecursionError, ValueError, ArithmeticError) as error:
            return "child_unreadable", f"`{self._path}` can't be looked for: {error}"
        if found is None:
            return []
        if not isinstance(found, list):
            return "child_not_a_list", f"`{self._path}` is no list, for the table `{self.table}`"
        odd = [n for n, value in enumerate(found) if self._kinds and not isinstance(value, self._kinds)]
        if odd:
            what = f"element {odd[0]} of `{self._path}`, for the table `{self.table}`, is no object"
            return "child_not_an_object", what
        return found

    def _extract(
        self, wrapped: list[bytes], owners: Sequence[int], keys: Sequence[Any], taken: Taken, now_us: int
    ) -> None:
        extracted = self._encoder.extract(wrapped, now_us=now_us)
        for reject in extracted.rejects:
            detail = f"an element of `{self._path}`, for the table `{self.table}`: {reject.detail}"
            taken.refused.setdefault(owners[reject.index], (f"child_{reject.code}", detail))
        for index, row in zip(extracted.indexes, extracted.rows, strict=True):
            owner = owners[index]
            taken.rows[owner].append((keys[owner], *row[1:]))  # a long key is there once, not with each element

    def give(self, rows: Sequence[list[Row]], keys: Sequence[Any]) -> ChildRows:
        """What a chunk carries, for the records that are stored."""
        return ChildRows(self.table, self.columns, [row for some in rows for row in some], keys, list(map(len, rows)))
