"""Cursors that can be asked with."""

from typing import Final

from datasync.errors import PageDamaged
from datasync.model import Chunk

MAX_CURSOR: Final = 8192
"""Characters; longer ones no server takes in a URL."""


def usable(cursor: str) -> bool:
    """Whether a server may take it."""
    return len(cursor) <= MAX_CURSOR and cursor.isprintable()


def check(chunk: Chunk) -> None:
    """Make sure that a page says what follows it.

    Raises:
        PageDamaged: it doesn't, or that can't be asked for.
    """
    if chunk.has_more is not False and not chunk.next_cursor:
        raise PageDamaged("the page doesn't say what follows it: no next cursor, and no word that it is the last")
    if chunk.next_cursor and not usable(chunk.next_cursor):
        raise PageDamaged(f"the next cursor is longer than {MAX_CURSOR:,} characters, or not printable")
