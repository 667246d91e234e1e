"""How many records that can't be stored a run bears."""

from typing import Final

from datasync.errors import TooManyRejects
from datasync.model import Chunk, Committed

FREE: Final = 10
"""Rejects that never end a run, however short it is."""


class RejectLimit:
    """Counts what the pages of one run refused, whether quarantine knew it before or not.

    A run takes each page once. What comes twice, where windows overlap, counts twice, as a record and as a reject.
    An API that gives the same useless record over and over is not taken for one with a single bad record.
    """

    def __init__(self, share: float) -> None:
        """Take the `share` of the records read, 0 to 1, that may be rejects besides the first `FREE`."""
        self._share = share
        self._records = 0
        self._rejects = 0

    def page(self, chunk: Chunk) -> None:
        """Count a page that was fetched, and will be stored whatever is raised.

        Raises:
            TooManyRejects: with this one there are too many.
        """
        self._count(chunk.records, len(chunk.rejects))

    def refused(self, done: Committed) -> None:
        """Count what the database refused of a batch whose pages were counted before.

        Raises:
            TooManyRejects: see `page`.
        """
        if done.refused:  # else the pages behind it that were too many are still stored
            self._count(0, done.refused)

    def _count(self, records: int, rejects: int) -> None:
        self._records += records
        self._rejects += rejects
        if self._rejects > FREE + self._share * self._records:
            raise TooManyRejects(
                f"{self._rejects:,} of the {self._records:,} records read in this run can't be stored",
                hint="`datasync quarantine list --summary` says why; --max-rejects bears a larger share"
                f" than {self._share:.4g}, and a run goes on from the checkpoint",
            )
