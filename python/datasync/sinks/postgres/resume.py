"""Can a stream that was begun be gone on with? Nothing is written."""

from collections.abc import Sequence

from datasync.config import Settings
from datasync.errors import ConfigError, RowsMissing, SchemaMismatch
from datasync.model import PartitionState
from datasync.postgres.connection import Connection
from datasync.sinks import reading
from datasync.sinks.postgres import checkpoint, ddl, reconcile, shape, swap
from datasync.sinks.postgres.target import Target


async def check(
    connection: Connection,
    settings: Settings,
    stream: str,
    target: Target,
    states: Sequence[PartitionState],
    version: int,
) -> None:
    """Make sure that a stream is that of this run, and that what it has stored is there.

    Args:
        connection: to the database.
        settings: of the run.
        stream: that was begun.
        target: that its rows go to.
        states: of its partitions.
        version: of the schema.

    Raises:
        ConfigError: it is read from another API or in another way, or goes to another table or by another mode.
        RowsMissing: rows are gone.
        SchemaMismatch: they have other columns.
        CountsDiffer: see `reconcile.check_counts`.
    """
    await check_origin(connection, settings, stream)
    if not all(state.checkpoint.complete for state in states):
        await _check_mode(connection, stream, target)
        await check_reading(connection, settings, stream, states)
        return
    await check_reading(connection, settings, stream, states)
    # What was read is in the table itself by now, whatever the mode.
    keyed = not target.appends
    if gone := await reconcile.missing(connection, stream, target.table, keyed=keyed, version=version):
        raise RowsMissing(
            f"`{stream}` was read to its end, but {gone:,} of its records are not in the table any more",
            hint="run with --restart to read them again",
        )
    if version >= ddl.COUNTS_SINCE:
        await reconcile.check_counts(connection, stream)


async def check_origin(connection: Connection, settings: Settings, stream: str) -> None:
    """Make sure that the checkpoint, if there is one, is of this API and this table."""
    found = await checkpoint.origin(connection, stream)
    if found is None:
        return
    source, table = found
    if source != settings.api_base_url:
        raise ConfigError(
            f"the checkpoint of `{stream}` in this database is that of {source}, not of {settings.api_base_url}",
            hint="use another database, or read this API from its beginning with --restart",
        )
    if table != settings.table.name:
        raise ConfigError(
            f"the rows of `{stream}` went to `{table}` until now, not to `{settings.table.name}`",
            hint="read it from its beginning with --restart, or give the endpoint another name",
        )


async def check_reading(
    connection: Connection, settings: Settings, stream: str, states: Sequence[PartitionState]
) -> None:
    """Make sure that the checkpoint means in this run what it meant before."""
    complete = all(state.checkpoint.complete for state in states)
    was = await checkpoint.reading(connection, stream)
    reading.check(stream, was, reading.of(settings), complete=complete)


async def _check_mode(connection: Connection, stream: str, target: Target) -> None:
    """Make sure that a stream goes on to where its rows are so far."""
    waiting = await swap.pending(connection, target.table, stream)
    if waiting and not target.replaces:
        raise ConfigError(
            f"`{stream}` is about to replace the rows of `{target.table}`, and not at its end",
            hint="let it, with the mode `replace`, or read from the beginning with --restart",
        )
    if waiting:
        try:
            await shape.check_columns(connection, target.into, target.columns)
        except SchemaMismatch as error:
            raise SchemaMismatch(
                f"what `{stream}` has gathered so far has other columns: {error}",
                hint="read from the beginning with --restart, or declare the columns as they were until it is complete",
            ) from error
    if target.replaces and not waiting and await checkpoint.has_rows(connection, stream):
        raise RowsMissing(
            f"what `{stream}` has read so far is not in `{target.into}`",
            hint="was the mode changed, or the table dropped? Read from the beginning with --restart",
        )
