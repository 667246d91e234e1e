"""How many records a page is asked for, after one was too large."""

from typing import Final

import structlog

GROW_AFTER: Final = 8
"""Pages in a row that fit, before twice as many records are asked for again."""


class PageSize:
    """Half as many records until a page fits, and slowly back: large records often come together. One chain's own.

    Attributes:
        limit: records to ask for; None leaves it to the endpoint.
    """

    def __init__(self, most: int | None) -> None:
        """Take the `most` records that a page is asked for, or None where the endpoint can't be told."""
        self._most = most
        self._fitted = 0
        self.limit: int | None = None

    def too_large(self) -> bool:
        """Ask for half as many from now on. Give False where there is nothing to halve."""
        now = self.limit or self._most
        if now is None or now <= 1:
            return False
        self.limit = now // 2
        self._fitted = 0
        structlog.get_logger().warning("a page was too large: smaller ones are asked for", records=self.limit)
        return True

    def fitted(self) -> None:
        """A page came whole."""
        if self.limit is None or self._most is None:
            return
        self._fitted += 1
        if self._fitted >= GROW_AFTER:
            self._fitted = 0
            self.limit = None if self.limit * 2 >= self._most else self.limit * 2
