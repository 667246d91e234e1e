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
        self._ends = False

    def begin(self, since_us: int | None, start_us: int | None) -> None:
        """Begin a run of a round that began at `since_us`.

        One that began at the start, as the first one does and that of --restart, is read to its own end: what is known
        there may be what an earlier run of the same round has stored.
        """
        self._ends = since_us not in (None, start_us)

    def read_all(self) -> None:
        """Have this round read to its own end: it begins anew, and comes by what it has stored."""
        self._ends = False

    def see(self, batch: Batch, done: Committed) -> None:
        """Take a batch that was stored. One without rows tells nothing."""
        if done.rows or done.updated or done.quarantined:
            self._pages = 0
        elif batch.row_count:
            self._pages += len(batch.chunks)

    @property
    def reached(self) -> bool:
        """The next page is the last one."""
        return self._ends and self._limit is not None and self._pages >= self._limit
