"""A lane that tells pages from messages, where almost any text could pass for a page: lines of JSON, and CSV."""

from collections.abc import Sequence

import msgspec

from datasync import _native, envelope
from datasync.errors import PageDamaged
from datasync.http.retry import blank
from datasync.model import Chunk, EncoderPlan
from datasync.pipeline.lanes import Lane

_NO_RECORD = ("syntax", "not_an_object")
"""Codes of what is no record at all."""

_NOTHING = Chunk(0, 0, 0, (), None, None, None, None, None)


class Judged:
    """See Lane. A page of which nothing is stored must have a record that names what the table requires.

    The message of a proxy, or `{"error":"overloaded"}`, would go to quarantine otherwise, and the run would go on
    behind it or end, without the page that should have come. A body without anything is a page without records.

    With transforms a record must name something that records of earlier pages named; before any has come, one that a
    transform left out is believed.
    """

    def __init__(self, lane: Lane, plan: EncoderPlan, names: set[str] | None = None) -> None:
        """Take what reads pages by this plan.

        Args:
            lane: reads them.
            plan: for it.
            names: with transforms. Is filled with what records name; who else reads the pages may look at it.
        """
        self._lane = lane
        self._split = _native.PageEncoder(msgspec.json.encode(plan)).split
        read = [column for column in plan.columns if column.source == "record"]
        self._known = {name for column in read if (name := envelope.first(column.path))}
        needed = [column for column in read if column.required or column.key]
        self._needed = {name for column in needed if (name := envelope.first(column.path))}
        self._names = names
        self.name = lane.name
        self.weight = lane.weight

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return (None, None) if blank(body) else self._lane.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane.

        Raises:
            PageDamaged: it is no page.
        """
        if blank(body):
            return msgspec.structs.replace(_NOTHING, cursor=cursor)
        chunk = self._lane.encode(body, cursor=cursor, now_us=now_us)
        if chunk.row_count:
            if self._names is not None and chunk.sources:
                self._learn([chunk.sources[0][2], chunk.sources[-1][2]])
        elif chunk.records:
            self._learn(self._records(chunk, self._split(body).records))
        return chunk

    def _records(self, chunk: Chunk, raws: Sequence[bytes]) -> Sequence[bytes]:
        codes = {reject.index: reject.code for reject in chunk.rejects}
        records = [raw for index, raw in enumerate(raws) if self._is_record(raw, codes.get(index))]
        if not records:
            needs = ", ".join(f"`{name}`" for name in sorted(self._needed))
            raise PageDamaged(
                f"nothing in the page is a record{f' with {needs}' if needs else ''}",
                hint="is it a message of the API, or of a proxy? if it is none, a transform can make records of it",
            )
        return records

    def _is_record(self, raw: bytes, code: str | None) -> bool:
        if code in _NO_RECORD or not raw.startswith(b"{"):
            return False
        names = _names(raw)
        if names is None:
            return True  # it is refused for what it holds
        if self._names:
            return bool(names & self._names)
        if self._names is not None and code is None:
            return True
        return self._needed <= names if self._needed else not self._known or bool(self._known & names)

    def _learn(self, records: Sequence[bytes]) -> None:
        if self._names is not None:
            for raw in records:
                self._names |= _names(raw) or set()


def _names(raw: bytes) -> set[str] | None:
    try:
        return set(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    except (ValueError, RecursionError):
        return None
