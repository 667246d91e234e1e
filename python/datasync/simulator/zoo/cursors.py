"""Paging by opaque cursors, in the body or in a header."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

from datasync.simulator.zoo.ask import Ask, Refused, Reply, page_of
from datasync.simulator.zoo.data import Record


class _Place(msgspec.Struct):
    at: int
    gap: bool = False


def _write(place: _Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read(text: object) -> _Place:
    try:
        raw = base64.b64decode(str(text) + "==", altchars=b"-_", validate=False)
        return msgspec.json.decode(raw, type=_Place)
    except (binascii.Error, msgspec.DecodeError) as error:
        raise Refused(400, "invalid_cursor", "the cursor could not be read") from error


@dataclass(frozen=True, kw_only=True)
class Cursors:
    """Pages by cursor.

    Attributes:
        records: Path to the records, "" is the root.
        next: Path to the next cursor; "" is nowhere.
        header: That carries the next cursor; "" is none.
        has_more: Path; "" is nowhere.
        total: Path; "" is nowhere.
        off: What the total is wrong by.
        null_end: The last page has a cursor of null; else it has none.
        in_body: Parameters come in the JSON body of a POST.
        gaps: After every second page comes one without a record.
        nested: Records have a list of lines.
    """

    records: str = "data"
    next: str = "next_cursor"
    header: str = ""
    has_more: str = ""
    total: str = ""
    off: int = 0
    null_end: bool = True
    in_body: bool = False
    gaps: bool = False
    nested: bool = False

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        if self.in_body:
            ask.read_body()
        return self.part(ask, ask.data.nested() if self.nested else ask.data.items)

    def part(self, ask: Ask, records: list[Record]) -> Reply:
        """Give a page of some of the records."""
        size = min(ask.number("limit", 50, 1), 100)
        place = _read(ask.params["cursor"]) if ask.params.get("cursor") else _Place(0)
        stop = place.at if place.gap else min(place.at + size, len(records))
        more = stop < len(records)
        following = None
        if more:
            following = _write(_Place(stop, self.gaps and not place.gap and stop // size % 2 == 0))
        fields: dict[str, Any] = {}
        if self.next and (following or self.null_end):
            fields[self.next] = following
        if self.has_more:
            fields[self.has_more] = more
        if self.total:
            fields[self.total] = len(records) + self.off
        headers = {self.header: following} if self.header and following else {}
        return page_of(records[place.at : stop], self.records, fields, headers)
