"""Paging `window`: spans of time, one after the other."""

from collections.abc import Mapping

import msgspec

from datasync.config.duration import seconds
from datasync.config.moment import micros
from datasync.config.spec import WindowPaging
from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import END, Asked, Context, Lead, Pager, strange
from datasync.endpoints.paging.moments import just_before, written
from datasync.errors import ConfigError
from datasync.http.transport import Answer
from datasync.model import Chunk

MIN_STEP = {"iso": 2_000, "ms": 2_000, "s": 2_000_000, "date": 86_400_000_000}
"""Microseconds. A shorter span would be asked for as the same as its neighbour."""


class Spans(Pager):
    """The cursor is JSON `[since, until, inner]`, microseconds and the place in the span; null is its beginning.

    Spans end where `start` and whole steps from there say, each less than a step by what it is asked for before its
    beginning, and the last one at the second in which the run began. One that
    an earlier run cut short is read to where that run ended it, since the place in it is one of that request.
    """

    def __init__(self, spec: WindowPaging, inner: Pager, context: Context) -> None:
        super().__init__(spec)
        if spec.size is not None or spec.has_more is not None or spec.total is not None:
            raise ConfigError("`size`, `has_more` and `total` of paging by `window` belong to its `inner`")
        self._step = round(seconds(spec.step) * 1_000_000)
        if self._step < MIN_STEP[spec.format]:
            raise ConfigError(f"`step` of paging is shorter than its `format` can tell apart: `{spec.step}`")
        # Each span is asked for from a little before its beginning, and an API may refuse one that is longer than said.
        # Of a single day there is nothing to take.
        self._step = self._step + just_before(0, spec.format) or self._step
        self._spec = spec
        self._inner = inner
        self._start = micros(spec.start)
        self._begin = self._start
        self._now = int(context.now()) * 1_000_000
        if self._start >= self._now:
            raise ConfigError(f"`start` of paging is not in the past: `{spec.start}`")
        self.next_cursor = inner.next_cursor
        self.has_more = inner.has_more
        self.total = inner.total
        self.ttl = inner.ttl
        self.resizable = inner.resizable
        self.expired = inner.expired
        self.size = inner.size
        self.size_param = inner.size_param

    def begin(self, since_us: int) -> None:
        """Begin at a moment later than `start`. One that isn't in the past is taken for a second ago."""
        self._begin = max(self._start, min(since_us, self._now - 1_000_000))

    def ask(self, cursor: str | None) -> Asked:
        """See Pager."""
        since, until, place = self._at(cursor)
        asked = self._inner.ask(place)
        if asked.url is not None:
            return asked
        # The user's word is taken as it is; from then on whether a bound is meant to be inside is unknown.
        low = since if since == self._begin else just_before(since, self._spec.format)
        ends = self._asked(
            {
                self._spec.since_param: written(low, self._spec.format),
                self._spec.until_param: written(until, self._spec.format, up=True),
            }
        )
        return Asked({**ends.params, **asked.params}, {**ends.body, **asked.body})

    def records_in_all(self, _chunk: Chunk, _answer: Answer) -> int | None:
        """See Pager. What a page says is of its span alone."""
        return None

    def lead(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Lead:
        """See Pager."""
        self._inner.resized = self.resized
        since, until, place = self._at(cursor)
        return self._outside(since, until, self._inner.lead(chunk, answer, place))

    def ahead(self, answer: Answer, cursor: str | None, peek: Peek) -> Lead | None:
        """See Pager."""
        self._inner.resized = self.resized
        since, until, place = self._at(cursor)
        lead = self._inner.ahead(answer, place, peek)
        return None if lead is None else self._outside(since, until, lead)

    def _outside(self, since: int, until: int, lead: Lead) -> Lead:
        if lead.has_more is not False:
            return Lead(lead.cursor and _cursor(since, until, lead.cursor), lead.has_more)
        if until >= self._now:
            return END
        return Lead(_cursor(until, self._end(until), None), span_end=True)

    def _end(self, since: int) -> int:
        steps = (since - self._start) // self._step + 1
        return min(self._start + steps * self._step, self._now)

    def _at(self, cursor: str | None) -> tuple[int, int, str | None]:
        if cursor is None:
            return self._begin, self._end(self._begin), None
        try:
            return msgspec.json.decode(cursor, type=tuple[int, int, str | None])
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise strange(cursor, "window") from error

    def _place(self, _cursor: str | None) -> Mapping[str, str | int]:
        return {}


def _cursor(since: int, until: int, place: str | None) -> str:
    return msgspec.json.encode((since, until, place)).decode()
