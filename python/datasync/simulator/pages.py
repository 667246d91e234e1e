"""Renders the records of a page once and keeps the bytes, so that serving a page again costs two writes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from datasync.simulator.dataset import Dataset
from datasync.simulator.options import TimestampForm

# What replaces the value of a damaged timestamp, chosen by the event's index: none of them names a moment.
BAD_TIMESTAMPS = (
    '"not-a-date"',
    '"2026-02-30T12:00:00.000Z"',
    '""',
    '"\\u0007\\u001b[31m"',
    "false",
    '"2026-01-27T25:61:00.000Z"',
)

_AFTER_ID = len('{"id":"",') + 36
_MINUTE_MS = 60_000
_SECONDS = [f"{ms // 1_000:02}.{ms % 1_000:03}Z" for ms in range(_MINUTE_MS)]


class Page(NamedTuple):
    """The records of one page.

    Attributes:
        body: JSON from the opening brace to the last record, without the bracket that closes `data`.
        start: Index of the first event.
        stop: Index behind the last event: where the next page begins.
        returned: Records in `data`, repeats included.
        damage: Kinds of record damage in it.
    """

    body: bytes
    start: int
    stop: int
    returned: int
    damage: tuple[str, ...]


def iso_timestamps(values: list[int]) -> list[str]:
    """Render epoch ms as quoted ISO 8601 with three decimals and `Z`."""
    minute, prefix, rendered = -1, "", []
    for value in values:
        if value // _MINUTE_MS != minute:  # neighbours share their minute, which is the dear part to format
            minute = value // _MINUTE_MS
            prefix = datetime.fromtimestamp(minute * 60, UTC).strftime('"%Y-%m-%dT%H:%M:')
        rendered.append(f'{prefix}{_SECONDS[value % _MINUTE_MS]}"')
    return rendered


def render_timestamps(values: list[int], form: TimestampForm) -> list[str]:
    """Render timestamps in the form that their position in the page decides.

    Mixed: positions 0, 3, 6, .. are integers of epoch ms, the others ISO. With seconds: of those, positions 6, 12, ..
    are integers of epoch seconds where the event lies on a whole second, so that nothing is lost.
    """
    if form == "ms":
        return [str(value) for value in values]
    rendered = iso_timestamps(values)
    if form != "iso":
        rendered[::3] = [str(value) for value in values[::3]]
    if form == "mixed-seconds":
        for position in range(6, len(values), 6):
            if values[position] % 1_000 == 0:
                rendered[position] = str(values[position] // 1_000)
    return rendered


class PageRenderer:
    """Gives pages of a dataset as bytes, with the damage that belongs to its records.

    The damage maps an event's index to its kind. A page has `limit` slots; an event damaged as `duplicate` takes two.
    """

    def __init__(self, dataset: Dataset, damage: Mapping[int, str], cache_bytes: int) -> None:
        self._dataset = dataset
        self._damage = damage
        self._damaged = sorted(damage)
        self._cache: dict[tuple[int, int, int, TimestampForm], Page] = {}
        self._room = cache_bytes

    def prerender(self, limit: int, form: TimestampForm) -> None:
        """Render the whole chain from the newest event in pages of `limit`."""
        start = 0
        while start < self._dataset.count and self._room > 0:
            start = self.page(start, limit, self._dataset.count, form).stop

    def page(self, start: int, limit: int, bound: int, form: TimestampForm) -> Page:
        """Give the page of up to `limit` records from `start`, ending before `bound`."""
        end = max(start, min(start + limit, bound))
        key = (start, limit, end, form)
        page = self._cache.get(key)
        if page is None:
            page = self._render(start, limit, end, form)
            if self._room >= len(page.body):
                self._room -= len(page.body)
                self._cache[key] = page
        return page

    def record(self, index: int, position: int, form: TimestampForm) -> str:
        """Render one undamaged event as it looks at a position of `data`."""
        value = self._dataset.timestamp_ms(index)
        stamp = render_timestamps([value] * (position + 1), form)[position]
        return f"{self._dataset.heads(index, index + 1)[0]}{stamp}{self._dataset.tails(index, index + 1)[0]}"

    def _render(self, start: int, limit: int, end: int, form: TimestampForm) -> Page:
        heads, tails = self._dataset.heads(start, end), self._dataset.tails(start, end)
        values = self._dataset.timestamps(start, end)
        damaged = self._damaged[bisect_left(self._damaged, start) : bisect_left(self._damaged, end)]
        shift = 0
        for index in damaged:
            if self._damage[index] == "duplicate":
                at = index - start + shift
                heads.insert(at, heads[at])
                tails.insert(at, tails[at])
                values.insert(at, values[at])
                shift += 1
        del heads[limit:], tails[limit:], values[limit:]
        stamps = render_timestamps(values, form)
        stop, kinds = self._spoil(start, damaged, heads, stamps, tails)
        text = ",".join([f"{head}{stamp}{tail}" for head, stamp, tail in zip(heads, stamps, tails, strict=True)])
        return Page(f'{{"data":[{text}'.encode(), start, stop, len(heads), kinds)

    def _spoil(
        self, start: int, damaged: list[int], heads: list[str], stamps: list[str], tails: list[str]
    ) -> tuple[int, tuple[str, ...]]:
        """Damage the records in place; give the index behind the last record and the kinds of damage in the page."""
        shift, kinds = 0, set()
        for index in damaged:
            at = index - start + shift
            if at >= len(heads):
                break
            kind = self._damage[index]
            if kind == "duplicate":
                if at + 1 == len(heads):  # the page ends between the two: the repeat is never served
                    break
                shift += 1
            elif kind == "missing_id":
                heads[at] = "{" + heads[at][_AFTER_ID:]
            elif kind == "missing_timestamp":
                heads[at], stamps[at], tails[at] = heads[at].removesuffix('"timestamp":'), "", tails[at][1:]
            elif kind == "bad_timestamp":
                stamps[at] = BAD_TIMESTAMPS[index % len(BAD_TIMESTAMPS)]
            else:
                escape = "\\u0000" if kind == "nul" else "\\ud800"
                heads[at] = heads[at].replace('"name":"', f'"name":"{escape}', 1)
            kinds.add(kind)
        return start + len(heads) - shift, tuple(sorted(kinds))
