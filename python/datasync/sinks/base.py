"""What the pipeline asks of a sink."""

from collections.abc import Awaitable, Sequence
from typing import Protocol, runtime_checkable

from datasync.model import Batch, Committed, PartitionState


class Sink(Protocol):
    """Stores a batch and its checkpoint atomically. Knows no HTTP."""

    @property
    def writers(self) -> int:
        """How many commits may go on at a time, once it is open."""
        ...

    async def connect(self) -> tuple[PartitionState, ...]:
        """Connect, make sure no other run holds the stream, and read its partitions by number. Writes nothing.

        A stream that was never begun is one partition, at its beginning; so is one that is complete and to be read on.

        Raises:
            SinkUnavailable: can't be reached.
            SinkBusy: another run holds the stream.
            SchemaMismatch: the state is from a newer version, or a table isn't ours.
            ConfigError: the checkpoint is that of another API, or its rows went to another table or wait to.
            RowsMissing: the stream is complete, but rows are gone.
            CountsDiffer: the stream is complete, but its counters don't make up what was served.
        """
        ...

    async def open(self) -> tuple[PartitionState, ...]:
        """Create what is missing, take the stream over, and give the partitions as of then."""
        ...

    def commit(self, batch: Batch) -> Awaitable[Committed]:
        """Store rows, rejects, windows and checkpoint in one transaction.

        Batches are committed in the order of the calls, even where several go on at a time: of those that are called
        for, what is in the database is always the first ones.

        The batch that completes the last partition completes the stream, if the end can be proven. Else each partition
        stays before its last page.

        Raises:
            LeaseLost: another run took the stream over; nothing was stored.
            CountsDiffer: this was the last batch, and the counters don't make up what was served; nothing was stored.
            RowsMissing: this was the last batch, records are missing, and the rows would come twice when they are read
                again; nothing was stored.
            SinkError: nothing was stored, or, when the connection broke, all or nothing was.
        """
        ...

    async def close(self) -> None:
        """Close all connections. Never raises."""
        ...


@runtime_checkable
class Lookup(Protocol):
    """What a sink has besides, if its tables can be read."""

    async def distinct(self, table: str, column: str) -> Sequence[str]:
        """Give all values of a column but NULL as text, each once, in the order of their code points.

        Needs no `connect()`.

        Raises:
            SinkUnavailable: can't be reached.
            SchemaMismatch: there is no such table or column.
        """
        ...
