"""Are all records accounted for, and all of them there? The arithmetic of every sink's end."""

import msgspec

from datasync.errors import CountsDiffer
from datasync.model import Committed
from datasync.stats import FATES, Counts


class Put(msgspec.Struct, frozen=True):
    """What became of a batch.

    Attributes:
        inserted: new rows.
        updated: rows that took another's place.
        left: rows whose key was there, and nothing was done.
        twice: rows left out because another one of the batch has their key.
        kept: new rejects.
    """

    inserted: int = 0
    updated: int = 0
    left: int = 0
    twice: int = 0
    kept: int = 0

    def committed(self, rejects: int, *, keeps_known: bool, refused: int = 0) -> Committed:
        """What a commit of it did.

        Args:
            rejects: that came in the batch, known ones too.
            keeps_known: a row whose key is there already changes nothing, so it was just seen before.
            refused: of these, found by the database alone.
        """
        return Committed(
            rows=self.inserted,
            updated=self.updated,
            unchanged=0 if keeps_known else self.left,
            duplicates=self.twice + (self.left if keeps_known else 0) + rejects - self.kept,
            quarantined=self.kept,
            refused=refused,
        )


def missing(
    counts: Counts, total: int | None, *, rows: int, quarantined: int, keyed: bool, newer: int | None = None
) -> int:
    """How many records are missing: of those this stream stored, and of the total the API declared, if it did.

    There must be as many rows as the stream stored. What the total is held against depends:

    * A round that asks for what is newer: the records that were served in it. Which ones are new isn't known.
    * Else, where rows are known by a key: the rows that are there, whoever stored them. Records that came twice count
      once here, because rows and quarantine hold them once.
    * Without a key: the rows that the stream stored. One that came twice counts twice, and can hide a gap.

    Of records that a transform left out only the number is kept: where several partitions were read they may have come
    twice, and can hide a gap. So can rows of other origin in the same table.

    Args:
        counts: of the stream. What counts here is `rows` and `dropped`.
        total: that the API declared, or None.
        rows: that are there.
        quarantined: records of the stream that are in quarantine.
        keyed: rows are known by a key.
        newer: records served in this round, if it asks for what is newer and the total is of that alone.
    """
    gone = max(0, counts.rows - rows)
    if total is None:
        return gone
    come = (rows if keyed else counts.rows) + quarantined + counts.dropped if newer is None else newer
    return max(gone, total - come)


def check(stream: str, counts: Counts, *, hint: str) -> None:
    """Make sure that the stream's counters make up what was served.

    Raises:
        CountsDiffer: they don't. The `hint` says what to do.
    """
    if counts.explained != counts.served:
        parts = " + ".join(f"{getattr(counts, name):,} {words}" for name, words in FATES.items())
        raise CountsDiffer(
            f"the counts of `{stream}` don't add up: {parts} make {counts.explained:,}, but {counts.served:,} were"
            " served",
            hint=hint,
        )
