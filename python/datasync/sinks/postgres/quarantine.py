"""Rejected records, kept raw with their reason."""

from collections.abc import Sequence
from typing import Final

from datasync.failpoints import failpoint
from datasync.model import Reject
from datasync.postgres.connection import Connection

PIECE: Final = 10_000
"""Records that one statement takes: their parameters are held besides them."""

# One that is there is marked once in a while, not each time: a row that is written anew has to be cleaned up after.
_INSERT = """
WITH kept AS (
    INSERT INTO quarantined_events AS old (stream, page_cursor, record_index, byte_offset, code, detail, raw, seen)
    SELECT $1, page_cursor, record_index, byte_offset, code, detail, raw, $8 FROM (
        SELECT DISTINCT ON (code, sha256(raw)) *
        FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[]) WITH ORDINALITY
            AS came (page_cursor, record_index, byte_offset, code, detail, raw, place)
        ORDER BY code, sha256(raw), place
    ) AS found ORDER BY place
    ON CONFLICT (stream, code, digest) DO UPDATE SET seen = excluded.seen
        WHERE old.seen < (SELECT first_batch FROM cursor_state WHERE stream = $1)
    RETURNING (old.xmax = 0) AS fresh
)
SELECT count(*) FILTER (WHERE fresh) FROM kept
"""


async def keep(connection: Connection, stream: str, rejects: Sequence[Reject], *, batch: int) -> int:
    """Store the `rejects` of a `batch`, inside its transaction. Give how many are new; the same record is kept once."""
    if not rejects:
        return 0
    pieces = [rejects[start : start + PIECE] for start in range(0, len(rejects), PIECE)]
    kept = sum([await _keep(connection, stream, piece, batch) for piece in pieces])
    failpoint("quarantine_written")
    return kept


async def _keep(connection: Connection, stream: str, rejects: Sequence[Reject], batch: int) -> int:
    kept: int = await connection.fetchval(
        _INSERT,
        stream,
        [reject.cursor for reject in rejects],
        [reject.index for reject in rejects],
        [reject.offset for reject in rejects],
        [reject.code for reject in rejects],
        # A text column can't hold NUL, and an exception's message might have one.
        [reject.detail.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode() for reject in rejects],
        [reject.raw for reject in rejects],
        batch,
    )
    return kept
