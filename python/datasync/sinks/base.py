"""What the pipeline asks of a sink."""

from typing import Protocol

from datasync.model import Batch, Checkpoint, Committed


class Sink(Protocol):
    """Stores a batch and its checkpoint atomically. Knows no HTTP."""

    async def connect(self) -> Checkpoint:
        """Connect, make sure no other run holds the stream, and read its checkpoint. Writes nothing.

        Raises:
            SinkUnavailable: can't be reached.
            SinkBusy: another run holds the stream.
            SchemaMismatch: the state is from a newer version, or a table isn't ours.
            ConfigError: the checkpoint is that of another API.
            RowsMissing: the stream is complete, but rows are gone.
        """
        ...

    async def open(self) -> Checkpoint:
        """Create what is missing, take the stream over, and give the checkpoint as of then."""
        ...

    async def commit(self, batch: Batch) -> Committed:
        """Store rows, rejects and checkpoint in one transaction.

        Raises:
            LeaseLost: another run took the stream over; nothing was stored.
            SinkError: nothing was stored, or, when the connection broke, all or nothing was.
        """
        ...

    async def close(self) -> None:
        """Close all connections. Never raises."""
        ...
