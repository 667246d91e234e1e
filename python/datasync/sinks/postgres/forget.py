"""Forgets how far a stream has come. Its rows stay, and so do its records in quarantine."""

import msgspec

from datasync.errors import SinkBusy, StreamUnknown
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import checkpoint, ddl, partitions, streams
from datasync.sinks.postgres.streams import Stream

# The lock of a run, but for this transaction alone: it works behind a pooler, too.
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('datasync:' || $1, 0))"


class Forgotten(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        before: the stream as it was.
        epoch: that it has now; a run that was begun before can't commit any more.
    """

    before: Stream
    epoch: int


async def find(connection: Connection, name: str) -> Stream:
    """The stream of this name.

    Raises:
        StreamUnknown: there is none.
        SinkError: the database.
    """
    known = await streams.read(connection)
    for stream in known:
        if stream.stream == name:
            return stream
    names = ", ".join(stream.stream for stream in known)
    raise StreamUnknown(
        f"no stream `{name}` in this database",
        hint=f"known: {names}" if names else "nothing was ever stored here; is it the right database?",
    )


async def forget(connection: Connection, name: str) -> Forgotten:
    """Put a stream back to its beginning, and bring an older schema up to date on the way.

    Raises:
        StreamUnknown: there is none of this name.
        SinkBusy: a run or a replay of it is going on.
        SinkError: the database; nothing was changed.
    """
    before = await find(connection, name)
    if before.running:  # before the tables change under it
        raise _busy(name)
    with mapped("forgetting a checkpoint"):
        await ddl.migrate(connection)
        async with connection.transaction(isolation="read_committed"):
            if not await connection.fetchval(_LOCK, name):
                raise _busy(name)
            source, table = await checkpoint.origin(connection, name) or (None, checkpoint.DEFAULT)
            progress = await checkpoint.take_over(connection, name, source, table=table, restart=True)
            await partitions.clear(connection, name)  # the next run begins, whatever table it goes to
    return Forgotten(before, progress.epoch)


def _busy(name: str) -> SinkBusy:
    return SinkBusy(
        f"a run of `{name}` is going on in this database: nothing was changed", hint="stop it, or wait for its end"
    )
