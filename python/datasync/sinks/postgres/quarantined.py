"""Looking at the records in quarantine."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from datasync.config import Secret
from datasync.config.schema import ConnectionSettings
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import ddl
from datasync.sinks.postgres.link import CLOSE_TIMEOUT, COMMAND_TIMEOUT

PIECE_RECORDS: Final = 500
PIECE_BYTES: Final = 8 * 1024 * 1024
"""Raw bytes of records held in memory at once, or one larger record."""

_READING = "reading quarantine"

_ABOUT = (
    "id, stream, code, detail, page_cursor, record_index, byte_offset, octet_length(raw) AS bytes,"
    " encode(digest, 'hex') AS sha256, quarantined_at"
)


class Chosen(msgspec.Struct, frozen=True):
    """Which records. What is None chooses all; several together choose what all of them do.

    Attributes:
        since: an instant, or a time before now, by the database's clock.
    """

    ids: tuple[int, ...] | None = None
    stream: str | None = None
    code: str | None = None
    since: datetime | timedelta | None = None

    def condition(self, *before: object) -> tuple[str, list[object]]:
        """Give the text of a WHERE clause and all its parameters, those that stand `before` ours among them."""
        arguments = list(before)
        parts = ["true"]
        since = "quarantined_at >= ${}" if isinstance(self.since, datetime) else "quarantined_at >= now() - ${}"
        for value, part in (
            (self.ids, "id = ANY(${}::bigint[])"),
            (self.stream, "stream = ${}"),
            (self.code, "code = ${}"),
            (self.since, since + ("::timestamptz" if isinstance(self.since, datetime) else "::interval")),
        ):
            if value is not None:
                arguments.append(value)
                parts.append(part.format(len(arguments)))
        return " AND ".join(parts), arguments


@asynccontextmanager
async def connected(database_url: Secret) -> AsyncIterator[Connection]:
    """Connect to the database.

    Raises:
        SinkUnavailable: can't be reached.
        ConfigError: the URL, the user, the password or the database is wrong.
    """
    with mapped("connecting to PostgreSQL"):
        connection = await asyncpg.connect(
            database_url.reveal(),
            timeout=ConnectionSettings().timeout,
            command_timeout=COMMAND_TIMEOUT,
            # See Link: a pooler may stand before the server.
            statement_cache_size=0,
            server_settings={"application_name": "datasync"},
        )
    try:
        yield connection
    finally:
        with suppress(Exception):
            await connection.close(timeout=CLOSE_TIMEOUT)


async def exists(connection: Connection) -> bool:
    """Whether there is a quarantine of ours in the database.

    Raises:
        SchemaMismatch: a newer datasync has been here.
    """
    with mapped(_READING):
        return await ddl.installed_version(connection) > 0


async def newest(connection: Connection, chosen: Chosen, limit: int) -> Sequence[asyncpg.Record]:
    """Give what is known of at most `limit` records but not their bytes, the latest first."""
    where, arguments = chosen.condition(limit)
    return await _fetch(
        connection, f"SELECT {_ABOUT} FROM quarantined_events WHERE {where} ORDER BY id DESC LIMIT $1", *arguments
    )


async def summary(connection: Connection, chosen: Chosen) -> Sequence[asyncpg.Record]:
    """Count by stream and code, the most first."""
    where, arguments = chosen.condition()
    return await _fetch(
        connection,
        "SELECT stream, code, count(*) AS records, min(quarantined_at) AS first, max(quarantined_at) AS last"
        f" FROM quarantined_events WHERE {where} GROUP BY stream, code ORDER BY records DESC, stream, code",
        *arguments,
    )


async def one(connection: Connection, id: int) -> asyncpg.Record | None:
    """Give one record with its bytes."""
    rows = await _fetch(connection, f"SELECT {_ABOUT}, raw FROM quarantined_events WHERE id = $1", id)
    return rows[0] if rows else None


async def streams(connection: Connection, chosen: Chosen) -> Sequence[str]:
    """The streams that the chosen records are of."""
    where, arguments = chosen.condition()
    rows = await _fetch(
        connection, f"SELECT DISTINCT stream FROM quarantined_events WHERE {where} ORDER BY stream", *arguments
    )
    return [row[0] for row in rows]


async def with_a_line_break(connection: Connection, chosen: Chosen) -> int | None:
    """The id of a record whose bytes have a line break, if there is one."""
    where, arguments = chosen.condition()
    rows = await _fetch(
        connection,
        f"SELECT id FROM quarantined_events WHERE {where} AND position('\\x0a'::bytea IN raw) > 0 LIMIT 1",
        *arguments,
    )
    return rows[0][0] if rows else None


async def pieces(connection: Connection, chosen: Chosen) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Give the chosen records with their bytes, the oldest first, few enough at a time to hold in memory.

    Records that the caller deletes meanwhile are no matter. For one view of all of them read in one transaction.
    """
    last = 0
    while True:
        where, arguments = chosen.condition(last, PIECE_RECORDS)
        sizes = await _fetch(
            connection,
            f"SELECT id, octet_length(raw) AS bytes FROM quarantined_events WHERE id > $1 AND {where}"
            " ORDER BY id LIMIT $2",
            *arguments,
        )
        if not sizes:
            return
        ids: list[int] = []
        held = 0
        for id, size in sizes:
            held += size
            if ids and held > PIECE_BYTES:
                break
            ids.append(id)
        yield await _fetch(
            connection,
            f"SELECT {_ABOUT}, raw FROM quarantined_events WHERE id = ANY($1::bigint[]) ORDER BY id",
            ids,
        )
        last = ids[-1]


async def _fetch(connection: Connection, query: str, *arguments: object) -> Sequence[asyncpg.Record]:
    with mapped(_READING):
        rows: Sequence[asyncpg.Record] = await connection.fetch(query, *arguments)
        return rows
