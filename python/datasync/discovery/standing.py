"""Where a stream stands in the database. Nothing is written, nothing is created, no lock is taken."""

from collections.abc import Mapping

import msgspec

from datasync.config import Settings
from datasync.model import PartitionState
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import ddl, partitions, shape
from datasync.sinks.postgres.quarantined import connected

_COLUMNS = f"""
SELECT attname::text, {shape.TYPE} FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class Standing(msgspec.Struct, frozen=True):
    """A table and a checkpoint.

    Attributes:
        table: its name.
        columns: name and type of each; empty: the table is not there and would be created.
        begun: a run has committed something, or has taken the stream over.
        partitions: where each goes on.
    """

    table: str
    columns: Mapping[str, str]
    begun: bool
    partitions: tuple[PartitionState, ...]

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its end."""
        return self.begun and all(part.checkpoint.complete for part in self.partitions)

    @property
    def served(self) -> int:
        """Records that were read, over all runs."""
        return sum(part.checkpoint.served for part in self.partitions)


async def look(settings: Settings, stream: str) -> Standing:
    """Give where `stream` stands.

    Raises:
        SinkError: the database can't be asked, or a newer datasync has been there.
        ConfigError: its address or its credentials are wrong.
    """
    async with connected(settings.database_url) as connection:
        with mapped("looking at the stream"):
            return await _look(connection, settings.table.name, stream)


async def _look(connection: Connection, table: str, stream: str) -> Standing:
    columns = {row[0]: row[1] for row in await connection.fetch(_COLUMNS, table)}
    version = await ddl.installed_version(connection)
    begun = False
    states: tuple[PartitionState, ...] = (PartitionState(),)
    if version > 0:
        begun = bool(await connection.fetchval("SELECT EXISTS (SELECT FROM cursor_state WHERE stream = $1)", stream))
        states = await partitions.read(connection, stream, version)
    return Standing(table, columns, begun, states)
