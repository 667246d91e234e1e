"""What the pipeline asks of an endpoint."""

from typing import Protocol

import httpx

from datasync.http.transport import Answer
from datasync.model import Chunk, EncoderPlan, Position, Request


class Endpoint(Protocol):
    """One feed of records, read as one chain of cursors. Knows no database."""

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
