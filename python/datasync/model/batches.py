"""What is stored together, and the place that it leads to."""

from collections.abc import Mapping, Sequence

import msgspec

from datasync.model.pages import Chunk, Position, Reject


class Window(msgspec.Struct, frozen=True):
    """A part of a line: of time, or of the values for which chains are read. None is without end on that side.

    Each moment, or each value, belongs to exactly one of a stream's windows.

    Attributes:
        since, until: from the one on, up to and without the other, in milliseconds since 1970 UTC.
        since_value, until_value: the same for values, which stand in the order of their code points.
    """

    since: int | None = None
    until: int | None = None
    since_value: str | None = None
    until_value: str | None = None


class Checkpoint(msgspec.Struct, frozen=True):
    """The place from which a partition goes on, true once the batch that carries it is committed.

    Attributes:
        cursor: to ask for next; None is the beginning.
        position: the same place in terms that don't expire, or None.
        pages: read so far, over all runs of a round.
        served: records in those pages, repeats included.
        total: records the stream had when it was begun, by the first word of the API on it, or None.
        complete: the end was reached. The cursor then is still that of the last page.
        since_us: where this round began, of an endpoint that is read on after its end: it asks for what is newer, in
            microseconds since 1970 UTC; None is for everything.
        newest_us: the latest timestamp among all records stored so far, over all runs and rounds, or None.
    """

    cursor: str | None = None
    position: Position | None = None
    pages: int = 0
    served: int = 0
    total: int | None = None
    complete: bool = False
    since_us: int | None = None
    newest_us: int | None = None


class PartitionState(msgspec.Struct, frozen=True):
    """What the sink keeps of a partition. A stream begins as one, number 0, with all of time for its window.

    The stream is complete when all its partitions are: the sink lets the last one be so only once the end is proven.
    """

    number: int = 0
    window: Window = Window()
    checkpoint: Checkpoint = Checkpoint()


class Batch(msgspec.Struct, frozen=True):
    """Contiguous pages of one partition, and what is true once they are stored. Never split over two transactions.

    Attributes:
        partition: number of the partition.
        windows: of partitions that are new or share theirs since the batch before, by number. Stored together, in this
            batch's transaction, so that no moment is without an owner.
    """

    chunks: Sequence[Chunk]
    checkpoint: Checkpoint
    partition: int = 0
    windows: Mapping[int, Window] = {}

    @property
    def records(self) -> int:
        """Records in the pages."""
        return sum(chunk.records for chunk in self.chunks)

    @property
    def row_count(self) -> int:
        """Rows to store."""
        return sum(chunk.row_count for chunk in self.chunks)

    @property
    def dropped(self) -> int:
        """Records that transforms left out on purpose."""
        return sum(chunk.dropped for chunk in self.chunks)

    @property
    def rejects(self) -> list[Reject]:
        """Records to quarantine."""
        return [reject for chunk in self.chunks for reject in chunk.rejects]


class Committed(msgspec.Struct, frozen=True):
    """What a commit did, in records.

    Attributes:
        rows: new in the target.
        duplicates: seen before, in the target or in quarantine, and left as they are; twice in a batch, too.
        quarantined: new in quarantine.
        updated: were in the target, and were replaced.
        unchanged: were in the target, and the policy found nothing to replace.
        refused: found by the database alone to be unfit, and sent to quarantine.
        complete: this was the stream's last batch, and the end is proven.
        missing: this was the last batch, and so many records are not there. Everything was stored, but each partition
            stays before its last page.
    """

    rows: int
    duplicates: int
    quarantined: int
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    complete: bool = False
    missing: int = 0
