"""Rejected records, kept raw with their reason."""

from collections.abc import Sequence

from datasync.failpoints import failpoint
from datasync.model import Reject
from datasync.postgres.connection import Connection, affected

_INSERT = """
INSERT INTO quarantined_events (stream, page_cursor, record_index, byte_offset, code, detail, raw)
SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])
ON CONFLICT (stream, code, digest) DO NOTHING
"""


async def keep(connection: Connection, stream: str, rejects: Sequence[Reject]) -> int:
    """Store `rejects`, inside the batch's transaction. Give how many are new; the same record is kept once."""
    if not rejects:
        return 0
    status = await connection.execute(
        _INSERT,
        stream,
        [reject.cursor for reject in rejects],
        [reject.index for reject in rejects],
        [reject.offset for reject in rejects],
        [reject.code for reject in rejects],
        # A text column can't hold NUL, and an exception's message might have one.
        [reject.detail.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode() for reject in rejects],
        [reject.raw for reject in rejects],
    )
    failpoint("quarantine_written")
    return affected(status)
