"""What a batch means besides its rows: rejects, counts, windows, checkpoint and the proof of the end."""

import msgspec

from datasync.errors import RowsMissing
from datasync.failpoints import failpoint
from datasync.model import Batch, Committed, Reject
from datasync.postgres.connection import Connection
from datasync.sinks import counts
from datasync.sinks.postgres import checkpoint, partitions, quarantine, reconcile, shape, swap
from datasync.sinks.postgres.checkpoint import Progress
from datasync.sinks.postgres.put import Put
from datasync.sinks.postgres.rows import Rows
from datasync.sinks.postgres.target import Target


class Outdated(Exception):
    """The stream's row is not as this batch expects it: the batch is in already, or another run goes on."""


class Account:
    """Keeps the books of one stream, in each batch's transaction."""

    def __init__(self, stream: str, target: Target) -> None:
        """Take the table that the stream's rows go to."""
        self._stream = stream
        self._target = target

    async def enter(
        self, connection: Connection, batch: Batch, rows: Rows, found: Put, *, epoch: int, number: int
    ) -> tuple[Committed, Progress]:
        """Write everything but the rows.

        Args:
            connection: in the batch's transaction, after its rows.
            batch: that is stored.
            rows: of it, of equal keys one.
            found: what became of them.
            epoch: of this run.
            number: of the batch.

        Raises:
            Outdated: the transaction must not commit.
            SchemaMismatch: nor must it then: the table was changed.
            RowsMissing: nor must it then; see `Sink.commit`.
        """
        # PostgreSQL would convert values, and say nothing.
        await shape.check_columns(connection, self._target.into, self._target.columns)
        if len(rows) and self._target.key is not None and not self._target.appends:
            # COPY and INSERT would go on without one, and store records twice.
            await shape.check_key(connection, self._target.into, [self._target.key.name])
        rejects: list[Reject] = [*batch.rejects, *found.refused]
        kept = await quarantine.keep(connection, self._stream, rejects, batch=number)
        done = self._counted(batch, rows, found, len(rejects), kept)
        if batch.chunks and batch.chunks[0].again:
            await checkpoint.again(connection, self._stream)
        progress = await checkpoint.advance(connection, self._stream, epoch, number, batch, done)
        if progress is None:
            raise Outdated
        await partitions.share(connection, self._stream, batch.windows)
        await partitions.advance(connection, self._stream, batch.partition, batch.checkpoint)
        failpoint("checkpoint_written")
        if batch.checkpoint.complete and await partitions.all_complete(connection, self._stream):
            done = await self._end(connection, batch, done)
        return done, progress

    async def _end(self, connection: Connection, batch: Batch, done: Committed) -> Committed:
        await reconcile.check_counts(connection, self._stream)
        gone = await reconcile.missing(connection, self._stream, self._target.into, keyed=not self._target.appends)
        failpoint("final_reconcile")
        if gone and self._target.appends:
            raise RowsMissing(
                f"the API says there is no more, but {gone:,} records of `{self._stream}` are missing",
                hint="nothing of the last batch was stored, for its rows would come twice: run again to ask once more;"
                " --restart reads everything again, and appends what is there already",
            )
        if gone:
            await partitions.reopen(connection, self._stream, batch.partition)
            last = batch.chunks[-1] if batch.chunks else None
            await checkpoint.reopen(
                connection, self._stream, dropped=last.dropped if last else 0, records=last.records if last else 0
            )
        else:
            if self._target.replaces:
                await shape.check_columns(connection, self._target.table, self._target.columns)
                await swap.finish(connection, self._target)
            await checkpoint.finish(connection, self._stream)
        return msgspec.structs.replace(done, complete=not gone, missing=gone)

    def _counted(self, batch: Batch, rows: Rows, found: Put, rejects: int, kept: int) -> Committed:
        stored, refused = found.stored, len(found.refused)
        put = counts.Put(
            inserted=stored.inserted,
            updated=stored.updated,
            left=found.left(rows),
            twice=batch.row_count - len(rows) - found.tried + found.repeated,
            kept=kept,
        )
        return put.committed(rejects, keeps_known=self._target.keeps_known, refused=refused)
