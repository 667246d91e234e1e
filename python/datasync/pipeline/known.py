"""Ends a round of a newest-first feed once its pages bring nothing new."""

from datasync.model import Batch, Committed


class KnownPages:
    """Counts pages in a row of which every row was known and stays as it is.

    A batch is judged as a whole: one new or changed row, or record in quarantine, and all its pages count as new.
    """

    def __init__(self, limit: int | None) -> None:
        """Take how many such pages end the round; None never."""
        self._limit = limit
        self._pages = 0

    def see(self, batch: Batch, done: Committed) -> None:
        """Take a batch that was stored."""
        if done.rows or done.updated or done.quarantined:
            self._pages = 0
        elif batch.records:
            self._pages += len(batch.chunks)

    @property
    def reached(self) -> bool:
        """The next page is the last one."""
        return self._limit is not None and self._pages >= self._limit
