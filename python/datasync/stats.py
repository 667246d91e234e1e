"""What becomes of records, and what a run has done so far."""

from collections.abc import Iterable
from typing import Final

import msgspec

FATES: Final = {
    "rows": "stored",
    "updated": "replaced",
    "unchanged": "left as they were",
    "duplicates": "seen before",
    "quarantined": "in quarantine",
    "dropped": "left out by a transform",
}
"""Counters of Counts, and what they count: each record that is served counts in exactly one of them."""

_SUMMED: Final = (*FATES, "served", "pages", "bytes", "refused", "retries", "waited", "fetched", "reseeks", "splits")


class Counts(msgspec.Struct):
    """Records, by what became of them: those that were `served`, and each of these once more in one of FATES."""

    rows: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    dropped: int = 0
    served: int = 0

    @property
    def explained(self) -> int:
        """Records of which it is known what became of them."""
        return sum(getattr(self, name) for name in FATES)


class RunStats(Counts):
    """What this run has done so far. Shared, mutable, read by progress and the report.

    Attributes:
        rows, updated, unchanged, duplicates, quarantined, dropped: records, as committed.
        pages, bytes: answers read and their size before decoding.
        refused: answers with status 429.
        retries: requests repeated after a failure other than 429.
        waited: seconds spent waiting for the rate limit.
        utilisation: the share of the requests allowed so far that was used, 0 to 1; None if the API tells no limit.
        allowed_per_second: requests that the tightest budget allows in the long run; None if the API tells no limit.
        fetched: records of the pages that were read.
        total: records the API says there are, or None.
        served: records of this stream committed over all runs.
        reseeks: times an expired cursor was replaced.
        splits: times a window was cut, so that idle workers had one.
        timestamps: for each `timestamptz` column how its values were written; see Chunk.
    """

    pages: int = 0
    bytes: int = 0
    refused: int = 0
    retries: int = 0
    waited: float = 0.0
    utilisation: float | None = None
    allowed_per_second: float | None = None
    fetched: int = 0
    total: int | None = None
    reseeks: int = 0
    splits: int = 0
    timestamps: dict[str, dict[str, int]] = {}


def total(runs: Iterable[RunStats]) -> RunStats:
    """The sums of what was counted; of a single run its own figures."""
    found = list(runs)
    if len(found) == 1:
        return found[0]
    return RunStats(**{name: sum(getattr(one, name) for one in found) for name in _SUMMED})
