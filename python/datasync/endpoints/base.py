"""What the pipeline asks of an endpoint."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import httpx
import msgspec

from datasync.http.transport import Answer
from datasync.model import Chunk, EncoderPlan, Position, Request, Window


class ByCursor(msgspec.Struct, frozen=True):
    """An expired cursor is replaced by one that the client builds: nothing is read twice.

    Attributes:
        build: makes a cursor for a position as of a moment, in milliseconds since 1970 by the server's clock.
        anew: tells whether that begins a list anew, of which records come twice then. Unless told it doesn't.
    """

    build: Callable[[Position, int], str]
    anew: Callable[[Position], bool] = lambda _position: False


class ByWindow(msgspec.Struct, frozen=True):
    """The chain begins anew with a window that ends at the last position. Only for an endpoint that is `Windowed`.

    Records of that millisecond come twice. With transforms the chain is read as by `ByReread`: of what they leave out
    only the number is kept, and it must not count twice.
    """


class ByReread(msgspec.Struct, frozen=True):
    """The chain is read again from its beginning, or that of its window, with a warning. The key absorbs what is there.

    A chain that three times gets no further than before ends the run.
    """


Reseek: TypeAlias = ByCursor | ByWindow | ByReread
"""How a chain finds its place again when its cursor has expired."""


Peek: TypeAlias = Callable[[bytes], tuple[str | None, bool | None]]


class BodyTells:
    """What an endpoint needs besides where the plan's paths say how one page leads to the next."""

    def turn(self, chunk: Chunk, _answer: Answer, _cursor: str | None) -> Chunk:
        """See Endpoint."""
        return chunk

    def following(self, answer: Answer, _cursor: str | None, peek: Peek) -> str | None:
        """See Endpoint."""
        following, has_more = peek(answer.body)
        return None if has_more is False else following


class Endpoint(Protocol):
    """One feed of records, read as one chain of cursors. Knows no database.

    One that is `Windowed` or `Divided` besides is read as several chains at once.
    """

    @property
    def name(self) -> str:
        """Of the stream; the checkpoint is kept under it, so it never changes."""
        ...

    @property
    def plan(self) -> EncoderPlan:
        """How to read a page and which columns to fill."""
        ...

    @property
    def cursor_ttl(self) -> float | None:
        """Seconds a cursor lives, or None if it doesn't expire."""
        ...

    @property
    def auth(self) -> httpx.Auth:
        """Puts the credentials on requests."""
        ...

    def request(self, cursor: str | None) -> Request:
        """What to ask for the page at `cursor`; None is the first page."""
        ...

    def check(self, answer: Answer) -> None:
        """Raise what an answer means that is not a page: any SourceError."""
        ...

    def turn(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Chunk:
        """Say where the page asked for at `cursor` leads: give `chunk` with `next_cursor`, `has_more` and `total`.

        A page that leads nowhere has `has_more` False. Where the body alone tells, that is `chunk` as it is.

        Raises:
            ContractChanged: it can't lead on.
        """
        ...

    def following(self, answer: Answer, cursor: str | None, peek: Peek) -> str | None:
        """The cursor of the next page, if it can be told before the page is read; it is asked for at once then.

        Args:
            answer: a page.
            cursor: that it was asked for with.
            peek: gives next cursor and has_more of a body, by the plan's paths; raises PageError.
        """
        ...

    def position(self, chunk: Chunk) -> Position | None:
        """The place after `chunk` in terms that don't expire, or None if it can't be told."""
        ...

    @property
    def reseek(self) -> Reseek:
        """How to go on when a cursor has expired. Without a position, as after no record at all, it is `ByReread`."""
        ...


@runtime_checkable
class Resizable(Protocol):
    """What an endpoint has besides, if it can be asked for so many records per page."""

    @property
    def page_limit(self) -> int | None:
        """Records per page that `request` asks for; None where it can't be told to."""
        ...

    def resized(self, request: Request, limit: int) -> Request:
        """The same request for at most `limit` records."""
        ...


@runtime_checkable
class Incremental(Protocol):
    """What an endpoint has besides, if it can be asked for what is newer than a moment."""

    def begin(self, since_us: int | None) -> None:
        """Ask for records from `since_us` on, in microseconds since 1970 UTC; None is all. Before the first request."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """What an endpoint has besides, if it can be asked for a window of time, newest records first."""

    def request_window(self, cursor: str | None, window: Window) -> Request:
        """What to ask for the page at `cursor` of the chain through `window`.

        The answers must hold every record of the window; they may hold others, which the key absorbs. Where an API
        leaves open whether its bounds are inclusive, ask for a little more: `since - 1` will do for whole milliseconds.
        """
        ...

    def moment(self, position: Position) -> int:
        """When `position` is, in milliseconds since 1970: no record that follows it in a chain is newer."""
        ...


@runtime_checkable
class Divided(Protocol):
    """What an endpoint has besides, if its chain leads through chains of many values, one after the other."""

    @property
    def values(self) -> Sequence[str]:
        """All of them, in the order in which they are read: that of their code points. No value is there twice."""
        ...

    def value(self, cursor: str | None) -> str | None:
        """Whose chain a cursor belongs to; it may be none of the values any more. None: no value is left to read."""
        ...

    def within(self, window: Callable[[], Window]) -> Endpoint:
        """The endpoint for the values in `window`, as it is whenever it is asked for; None as a cursor is its first."""
        ...

    def past(self, cursor: str | None) -> Chunk:
        """A page without records that leads to the next value's chain, or is the end."""
        ...
