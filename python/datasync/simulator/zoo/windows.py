"""Records of a span of time, and whole bodies of other formats than JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import msgspec

from datasync.simulator.zoo.ask import Ask, Refused, Reply
from datasync.simulator.zoo.cursors import Cursors
from datasync.simulator.zoo.data import iso
from datasync.simulator.zoo.moments import asked_moment

_LONGEST = 86_400


@dataclass(frozen=True)
class Windows:
    """Items from `since` on and before `until`, by cursor; both are wanted, and more than a day is refused."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        since, until = asked_moment(ask, "since"), asked_moment(ask, "until")
        if since is None or until is None:
            raise Refused(400, "window_missing", "since and until are wanted")
        if not 0 <= until - since <= _LONGEST:
            raise Refused(422, "window_too_long", "a window is a day at most")
        created = ask.data.created_ms
        records = [item for index, item in enumerate(ask.data.items) if since * 1_000 <= created(index) < until * 1_000]
        return Cursors(records="events", next="next").part(ask, records)


@dataclass(frozen=True)
class NdJson:
    """All items, each on a line of its own."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        body = b"".join(msgspec.json.encode(item) + b"\n" for item in ask.data.items)
        return Reply(body=body, ids=[item["id"] for item in ask.data.items], media="application/x-ndjson")


@dataclass(frozen=True)
class Csv:
    """All items as RFC 4180: a header, CRLF, and quotes where a field holds a quote, a comma or a line break."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["id", "number", "name", "created_at", "updated_at", "owner", "amount", "note"])
        for index, item in enumerate(ask.data.items):
            created = iso(ask.data.created_ms(index))
            plain = (item[name] for name in ("amount", "note"))
            head = (item[name] for name in ("id", "number", "name"))
            writer.writerow([*head, created, item["updated_at"], item["owner"]["login"], *plain])
        ids = [item["id"] for item in ask.data.items]
        return Reply(body=text.getvalue().encode(), ids=ids, media="text/csv; charset=utf-8")
