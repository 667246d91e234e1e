"""Cursors that can be asked with."""

from typing import Final

MAX_CURSOR: Final = 8192
"""Characters; longer ones no server takes in a URL."""


def usable(cursor: str) -> bool:
    """Whether a server may take it."""
    return len(cursor) <= MAX_CURSOR and cursor.isprintable()
