"""An endpoint that is read once for each row of a parent: a chain through the chains of parents, in their order."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import httpx
import msgspec

from datasync.config.spec import Parent
from datasync.endpoints.base import ByCursor, Endpoint, Incremental, Peek, Reseek, Resizable
from datasync.errors import ConfigError, ContractChanged, CursorExpired, ParentGone, SourceError
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Request, Window

GONE: Final = (404, 410)
"""Statuses that say that there is no such parent (RFC 9110)."""

_NOTHING: Final = Chunk(0, 0, 0, (), None, None, None, None, None)


class Children:
    """See Endpoint and Divided. A cursor is JSON: the parent's value, and the cursor of its own chain or null.

    The parents stand in order, so that a run goes on at the first one that isn't behind the stored one, whatever was
    added or removed meanwhile. The path of requests keeps its placeholder: for the limiter it is one route.

    Attributes:
        values: see Divided.
        into: name of the column that is filled with the parent's value, or None.
    """

    def __init__(
        self,
        make: Callable[[], Endpoint],
        parent: Parent,
        values: Sequence[str],
        *,
        base_url: str,
        window: Callable[[], Window] = Window,
    ) -> None:
        """Take what makes the endpoint of one parent; it may remember pages, so each window has one of its own.

        Args:
            make: requests of the endpoint hold `{column}` in path, parameters or body.
            parent: how it is read.
            values: of the parent's column.
            base_url: of the API.
            window: which of the values to read.
        """
        self._make = make
        self._inner = inner = make()
        self._parent = parent
        self._placeholder = f"{{{parent.column}}}"
        self.values = values
        self._base_url = base_url
        self._window = window
        self._since_us: int | None = None
        self._first = True  # what was asked for last is a parent's first page
        self.into = parent.into
        self.name = inner.name
        self.cursor_ttl = inner.cursor_ttl
        self.auth: httpx.Auth = inner.auth
        # What it has besides, this one has.
        if isinstance(inner, Resizable):
            self.page_limit = inner.page_limit
            self.resized = inner.resized
        if isinstance(inner, Incremental):
            self.begin = self._begin

    def within(self, window: Callable[[], Window]) -> "Children":
        """See Divided."""
        one = Children(self._make, self._parent, self.values, base_url=self._base_url, window=window)
        if isinstance(one, Incremental):
            one.begin(self._since_us)
        return one

    @property
    def plan(self) -> EncoderPlan:
        """See Endpoint. Of no parent in particular."""
        return self.plan_of(None)

    def plan_at(self, cursor: str | None) -> EncoderPlan:
        """The plan for the page at `cursor`, with the parent's value."""
        place = self._place(cursor)
        return self.plan_of(None if place is None else place[0])

    def plan_of(self, value: str | None) -> EncoderPlan:
        """The plan for pages of a parent, whether it still is one or not."""
        plan = self._inner.plan
        if self.into is None:
            return plan
        constant = msgspec.json.encode(value).decode()
        column = Column(self.into, "", "text", source="constant", constant=constant)
        kept = [column if one.name == self.into else one for one in plan.columns]
        return msgspec.structs.replace(plan, columns=tuple(kept) if column in kept else (*kept, column))

    def named(self, cursor: str | None) -> str | None:
        """The cursor of the same page that names its parent, for whoever looks at it later."""
        place = self._place(cursor)
        return None if place is None else _join(*place)

    def request(self, cursor: str | None) -> Request:
        """See Endpoint.

        Raises:
            ParentGone: this parent can't be asked for, and that is no failure.
            ContractChanged: nor can it, and it is one.
        """
        value, inner = self._read(cursor)
        self._first = inner is None
        request = self._inner.request(inner)
        if request.url is not None:
            return request  # the API gave it for this parent
        content = request.content
        if content is not None:
            escaped = msgspec.json.encode(value)[1:-1]
            content = content.replace(self._placeholder.encode(), escaped)
        return msgspec.structs.replace(
            request,
            params={
                name: given.replace(self._placeholder, value) if isinstance(given, str) else given
                for name, given in request.params.items()
            },
            content=content,
            url=self._base_url + "/".join(self._segment(part, value) for part in request.path.split("/")),
        )

    def _segment(self, part: str, value: str) -> str:
        filled = part.replace(self._placeholder, quote(value, safe=""))
        # RFC 3986 section 5.2.4: these would be taken out, with what is before them, and another resource be asked for.
        if filled == part or filled not in ("", ".", ".."):
            return filled
        if self._parent.gone == "skip":
            raise ParentGone("its value can't stand in a path")
        raise ContractChanged(
            f"the parent `{value}` of `{self.name}` can't stand in a path: another resource would be asked for",
            hint='`gone = "skip"` under `parent` leaves such parents out',
        )

    def check(self, answer: Answer) -> None:
        """See Endpoint.

        Raises:
            ParentGone: there is no such parent, and that is no failure.
        """
        # In the midst of a parent's pages it is the page that is gone, or its cursor.
        gone = answer.status in GONE and self._first
        try:
            self._inner.check(answer)
        except CursorExpired:
            raise
        except SourceError as error:
            if gone and self._parent.gone == "skip":
                raise ParentGone(f"{answer.status}: the API has nothing for this parent") from error
            if gone and isinstance(error, ContractChanged):
                error.hint = f'{error.hint or "look at `path`"}; `gone = "skip"` under `parent` leaves such parents out'
            raise

    def turn(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Chunk:
        """See Endpoint. The last page of one parent leads to the first one of the next."""
        value, inner = self._read(cursor)
        turned = self._inner.turn(chunk, answer, inner)
        # What one parent has in all says nothing of all of them.
        if turned.has_more is not False:
            return msgspec.structs.replace(turned, total=None, next_cursor=_join(value, turned.next_cursor))
        return self._onward(turned, value)

    def following(self, answer: Answer, cursor: str | None, peek: Peek) -> str | None:
        """See Endpoint."""
        value, inner = self._read(cursor)
        following = self._inner.following(answer, inner, peek)
        return None if following is None else _join(value, following)

    def position(self, chunk: Chunk) -> Position | None:
        """See Endpoint. The parent, and what tells its pages apart: the place in its chain, where that can be told."""
        if chunk.next_cursor is None:
            return None
        value, inner = self._read(chunk.next_cursor)
        place = None if inner is None else self._inner.position(msgspec.structs.replace(chunk, next_cursor=inner))
        if place is None:
            return {"parent": value, "at": inner or ""}
        return {"parent": value, "place": msgspec.json.encode(place).decode()}

    @property
    def reseek(self) -> Reseek:
        """See Endpoint. A parent whose cursor expired is read on if one can be built, else from its beginning."""
        return ByCursor(self._build, self._anew)

    def value(self, cursor: str | None) -> str | None:
        """See Divided."""
        if cursor is not None:
            return self._split(cursor)[0]
        place = self._place(None)
        return None if place is None else place[0]

    def past(self, cursor: str | None) -> Chunk:
        """See Divided."""
        place = self._place(cursor)
        return self._onward(_NOTHING, None if place is None else place[0])

    def _begin(self, since_us: int | None) -> None:
        """See Incremental."""
        self._since_us = since_us
        if isinstance(self._inner, Incremental):
            self._inner.begin(since_us)

    def _onward(self, chunk: Chunk, value: str | None) -> Chunk:
        """Have the last page of a parent lead to the next one; None is behind all of them."""
        place = len(self.values) if value is None else bisect_right(self.values, value)
        ends = place >= self._stop
        following = None if ends else _join(self.values[place], None)
        return msgspec.structs.replace(chunk, total=None, has_more=not ends, next_cursor=following, span_end=True)

    def _build(self, position: Position, now_ms: int) -> str:
        value, way = str(position["parent"]), self._inner.reseek
        if self._anew(position) or not isinstance(way, ByCursor):
            return _join(value, None)
        return _join(value, way.build(msgspec.json.decode(str(position["place"]), type=Position), now_ms))

    def _anew(self, position: Position) -> bool:
        return "place" not in position or not isinstance(self._inner.reseek, ByCursor)

    def _read(self, cursor: str | None) -> tuple[str, str | None]:
        """The parent's value, and the cursor of its chain."""
        place = self._place(cursor)
        if place is None:
            raise ParentGone(f"the parents that `{self.name}` was still to be read for are gone")
        return place

    def _place(self, cursor: str | None) -> tuple[str, str | None] | None:
        """The same; None where no parent is left in the window."""
        value, inner = (self._window().since_value or "", None) if cursor is None else self._split(cursor)
        place = bisect_left(self.values, value)
        if place >= self._stop:
            return None
        return (value, inner) if self.values[place] == value else (self.values[place], None)

    @property
    def _stop(self) -> int:
        until = self._window().until_value
        return len(self.values) if until is None else bisect_left(self.values, until)

    def _split(self, cursor: str) -> tuple[str, str | None]:
        try:
            return msgspec.json.decode(cursor, type=tuple[str, str | None])
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"the stored cursor of `{self.name}` names no parent", hint="run with --restart to read all anew"
            ) from error


def _join(value: str, inner: str | None) -> str:
    return msgspec.json.encode((value, inner)).decode()
