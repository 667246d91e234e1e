"""What the pipeline asks of an endpoint."""

from typing import Protocol, runtime_checkable

import httpx

from datasync.http.transport import Answer
from datasync.model import Chunk, EncoderPlan, Position, Request, Window


class Endpoint(Protocol):
    """One feed of records, read as one chain of cursors. Knows no database.

    One that is `Windowed` besides is read as several chains at once.
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

    def position(self, chunk: Chunk) -> Position | None:
        """The place after `chunk` in terms that don't expire, or None if it can't be told."""
        ...

    def reseek(self, position: Position, *, now_ms: int) -> str:
        """A fresh cursor for the place `position`, as of `now_ms` (milliseconds since 1970, the server's clock)."""
        ...


@runtime_checkable
class Resizable(Protocol):
    """What an endpoint has besides, if it can be asked for so many records per page."""

    @property
    def page_limit(self) -> int:
        """Records per page that `request` asks for."""
        ...

    def resized(self, request: Request, limit: int) -> Request:
        """The same request for at most `limit` records."""
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
