"""What all species serve: items, and parents with children; a function of count and newest moment alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal, TypeAlias

from datasync.simulator.zoo.options import SPACING_MS, ZooOptions

Record: TypeAlias = dict[str, Any]

#: Which records a species serves in the end.
Expects = Literal["items", "feed", "parents", "children"]

PARENTS = 12
GROWTH = 6

_EAST = timezone(timedelta(hours=2))
_NOTES = (
    "plain",
    'says "hello", twice',
    "two\nlines",
    "carriage\r\nreturn, and a comma",
    "naïve café \N{SNOWMAN}",
    "",
)


def iso(ms: int) -> str:
    """Write a moment in ISO 8601 and UTC."""
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def mixed(index: int, ms: int) -> str | int:
    """Write a moment of whole seconds in the form that is the turn of `index`."""
    match index % 4:
        case 0:
            return iso(ms)
        case 1:
            return datetime.fromtimestamp(ms / 1_000, _EAST).isoformat()
        case 2:
            return ms // 1_000
        case _:
            return ms


class ZooData:
    """The records of a zoo.

    Attributes:
        items: Oldest first, which is by id, too.
        parents: By id.
        children: Of each parent, by its id; some have none.
    """

    def __init__(self, options: ZooOptions) -> None:
        self._options = options
        self.items = [self._item(index) for index in range(options.count)]
        self.parents = [
            {"id": f"parent-{n:02d}", "name": f"Parent {n}", "created_at": iso(self.created_ms(0) + n * 1_000)}
            for n in range(PARENTS)
        ]
        self.children = {
            parent["id"]: [
                {"id": f"{parent['id']}-child-{k:02d}", "rank": k, "created_at": mixed(k, self.created_ms(n + k))}
                for k in range(n * 7 % 25)
            ]
            for n, parent in enumerate(self.parents)
        }

    def created_ms(self, index: int) -> int:
        """Give the true moment of an item's `created_at`; its `updated_at` is five minutes later."""
        return self._options.oldest_ms + index * SPACING_MS

    def _item(self, index: int) -> Record:
        created = self.created_ms(index)
        return {
            "id": f"item-{index:05d}",
            "number": index,
            "name": f"Item {index}",
            "created_at": mixed(index, created),
            "updated_at": iso(created + 300_000),
            "owner": {"id": index % 7, "login": f"owner{index % 7}", "address": {"city": "Zürich", "zip": None}},
            "serial": 9_007_199_254_740_993 + index,
            "amount": index * 1.25,
            "active": index % 3 == 0,
            "tags": [f"tag{n}" for n in range(index % 3)],
            "note": _NOTES[index % len(_NOTES)],
        }

    def nested(self) -> list[Record]:
        """Give the items, each with a list of `lines`, some empty."""
        return [
            {**item, "lines": [{"sku": f"sku-{index}-{n}", "quantity": n + 1} for n in range(index % 4)]}
            for index, item in enumerate(self.items)
        ]

    def feed(self, grown: int) -> list[Record]:
        """Give the items by `updated_at`, newest first, after so many changes: new items and updates in turn."""
        found = {item["id"]: item for item in self.items}
        for k in range(1, grown + 1):
            # Updates take items from far down, where who reads from the top has not been yet.
            item = self._item(len(self.items) + k // 2 if k % 2 else 10 * k % max(1, len(self.items)))
            moment = iso(self._options.newest_ms + 600_000 + k * 60_000)
            if k % 2:
                item["created_at"] = moment
            found[item["id"]] = {**item, "updated_at": moment}
        return sorted(found.values(), key=lambda item: (item["updated_at"], item["id"]), reverse=True)

    def ids(self, expects: Expects) -> list[str]:
        """Give the ids of all that a species serves in the end, in order."""
        records: dict[Expects, list[Record]] = {
            "items": self.items,
            "feed": self.feed(GROWTH),
            "parents": self.parents,
            "children": [child for children in self.children.values() for child in children],
        }
        return sorted(record["id"] for record in records[expects])
