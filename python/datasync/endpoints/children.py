"""An endpoint that is read once for each row of a parent: one chain through the chains of all parents, in order."""

from bisect import bisect_left
from collections.abc import Sequence
from urllib.parse import quote

import httpx
import msgspec

from datasync.endpoints.base import ByCursor, ByReread, Endpoint, Incremental, Peek, Reseek, Resizable
from datasync.errors import ConfigError, ContractChanged
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Request


class Children:
    """See Endpoint. A cursor is JSON: the parent's value, and the cursor of its own chain or null.

    The parents stand in order, so that a run goes on at the first one that isn't behind the stored one, whatever was
    added or removed meanwhile. The path of requests keeps its placeholder: for the limiter it is one route.

    Attributes:
        into: name of the column that is filled with the parent's value, or None.
    """

    def __init__(
        self, inner: Endpoint, column: str, values: Sequence[str], *, base_url: str, into: str | None = None
    ) -> None:
        """Take the endpoint of one parent, and the parents' values of `column`, in order and without repeats.

        Args:
            inner: its requests hold `{column}` in path or parameters.
            column: name of the parent's column.
            values: of it.
            base_url: of the API.
            into: column that is filled with the value.
        """
        self._inner = inner
        self._placeholder = f"{{{column}}}"
        self._values = values
        self._base_url = base_url
        self.into = into
        self.name = inner.name
        self.cursor_ttl = inner.cursor_ttl
        self.auth: httpx.Auth = inner.auth
        # What it has besides, this one has.
        if isinstance(inner, Resizable):
            self.page_limit = inner.page_limit
            self.resized = inner.resized
        if isinstance(inner, Incremental):
            self.begin = inner.begin

    @property
    def plan(self) -> EncoderPlan:
        """See Endpoint. Of no parent in particular."""
        return self.plan_at(None)

    def plan_at(self, cursor: str | None) -> EncoderPlan:
        """The plan for the page at `cursor`, with the parent's value."""
        plan = self._inner.plan
        if self.into is None:
            return plan
        value, _ = self._read(cursor) if self._values else (None, None)
        constant = msgspec.json.encode(value).decode()
        column = Column(self.into, "", "text", source="constant", constant=constant)
        kept = [column if one.name == self.into else one for one in plan.columns]
        return msgspec.structs.replace(plan, columns=tuple(kept) if column in kept else (*kept, column))

    def request(self, cursor: str | None) -> Request:
        """See Endpoint."""
        value, inner = self._read(cursor)
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
            url=self._base_url + request.path.replace(self._placeholder, quote(value, safe="")),
        )

    def check(self, answer: Answer) -> None:
        """See Endpoint."""
        self._inner.check(answer)

    def turn(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Chunk:
        """See Endpoint. The last page of one parent leads to the first one of the next."""
        value, inner = self._read(cursor)
        turned = self._inner.turn(chunk, answer, inner)
        # What one parent has in all says nothing of all of them.
        if turned.has_more is not False:
            return msgspec.structs.replace(turned, total=None, next_cursor=_join(value, turned.next_cursor))
        place = bisect_left(self._values, value) + 1
        if place >= len(self._values):
            return msgspec.structs.replace(turned, total=None, next_cursor=None)
        return msgspec.structs.replace(turned, total=None, has_more=True, next_cursor=_join(self._values[place], None))

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
        built = isinstance(self._inner.reseek, ByCursor)
        return ByReread() if self.cursor_ttl is None and not built else ByCursor(self._build)

    def _build(self, position: Position, now_ms: int) -> str:
        value, place, way = str(position["parent"]), position.get("place"), self._inner.reseek
        if place is None or not isinstance(way, ByCursor):
            return _join(value, None)
        return _join(value, way.build(msgspec.json.decode(str(place), type=Position), now_ms))

    def _read(self, cursor: str | None) -> tuple[str, str | None]:
        """The parent's value, and the cursor of its chain."""
        if cursor is None:
            return self._values[0], None
        try:
            value, inner = msgspec.json.decode(cursor, type=tuple[str, str | None])
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"the stored cursor of `{self.name}` names no parent", hint="run with --restart to read all anew"
            ) from error
        place = bisect_left(self._values, value)
        if place < len(self._values) and self._values[place] == value:
            return value, inner
        if place == len(self._values):
            raise ContractChanged(
                f"the parent `{value}`, at which `{self.name}` was to go on, and all behind it are gone",
                hint="run with --restart to read all anew",
            )
        return self._values[place], None


def _join(value: str, inner: str | None) -> str:
    return msgspec.json.encode((value, inner)).decode()
