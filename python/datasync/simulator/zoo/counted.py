"""Paging by what the client counts: offsets, page numbers, the last key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datasync.simulator.zoo.ask import Ask, Refused, Reply, page_of
from datasync.simulator.zoo.data import Record, iso
from datasync.simulator.zoo.moments import asked_moment


@dataclass(frozen=True, kw_only=True)
class Offsets:
    """Pages by offset.

    Attributes:
        records: Path to the records, "" is the root.
        total: Path, or `header:Name`; "" is nowhere.
        off: What the total is wrong by.
        first: Offset of the first record.
        cap: Records per page at most; more are not refused.
    """

    records: str = "items"
    total: str = ""
    off: int = 0
    first: int = 0
    cap: int = 100

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        return self.part(ask, ask.data.items)

    def part(self, ask: Ask, records: list[Record]) -> Reply:
        """Give a page of some of the records."""
        size = min(ask.number("limit", 50, 1), self.cap)
        start = ask.number("offset", self.first, self.first) - self.first
        total = len(records) + self.off
        name = self.total.removeprefix("header:")
        told = name != self.total
        fields = {self.total: total} if self.total and not told else {}
        return page_of(records[start : start + size], self.records, fields, {name: str(total)} if told else {})


@dataclass(frozen=True)
class Children:
    """The children of the parent that the path names, by offset; an unknown parent is 404."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        children = ask.data.children.get(ask.request.path_params["id"])
        if children is None:
            raise Refused(404, "parent_unknown", "there is no such parent")
        return Offsets(records="children", total="total").part(ask, children)


@dataclass(frozen=True)
class Parents:
    """All parents, at once."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        return page_of(ask.data.parents, "parents", {})


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Pages by number.

    Attributes:
        records: Path to the records.
        first: Number of the first page.
        pages: Path to the number of pages; "" is nowhere.
        stuck: Whatever number is asked for, the first page comes.
    """

    records: str = "data"
    first: int = 1
    pages: str = ""
    stuck: bool = False

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        size, number = min(ask.number("per_page", 50, 1), 100), ask.number("page", self.first, self.first)
        records, at = ask.data.items, 0 if self.stuck else number - self.first
        fields: dict[str, Any] = {self.pages: -(-len(records) // size)} if self.pages else {}
        return page_of(records[at * size : (at + 1) * size], self.records, fields)


@dataclass(frozen=True)
class AfterKey:
    """Pages by the id of the last record; records come in the order of their ids."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        size, after = min(ask.number("limit", 50, 1), 100), str(ask.params.get("after", ""))
        return page_of([item for item in ask.data.items if item["id"] > after][:size], "data", {})


@dataclass(frozen=True, kw_only=True)
class Newest:
    """Pages by number, by `updated_at`, newest first.

    Attributes:
        heeds_since: `since` leaves out what was updated before it; else that parameter means nothing.
        growth: Changes there will be; one after each page, so that pages move on while they are read.
    """

    heeds_since: bool = True
    growth: int = 0

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        size, number = min(ask.number("per_page", 50, 1), 100), ask.number("page", 1, 1)
        grown = min(ask.zoo.grown, self.growth)
        since = (asked_moment(ask, "since") if self.heeds_since else None) or 0.0
        # All are written alike, so that their texts are in the order of time.
        records = [record for record in ask.data.feed(grown) if record["updated_at"] >= iso(int(since * 1_000))]
        if grown < self.growth:
            ask.zoo.grown += 1
        return page_of(records[(number - 1) * size : number * size], "results", {"page": number})
