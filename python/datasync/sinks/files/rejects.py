"""Rejected records as lines of JSON, whole, with their reason."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from datasync.model import Reject


def digest(reject: Reject) -> bytes:
    """What a reject is known by: the same record, refused for the same reason."""
    return hashlib.sha256(reject.code.encode() + b"\0" + reject.raw).digest()


def lines(stream: str, rejects: Sequence[Reject]) -> bytes:
    """A line for each; `raw` is in base64, since it needn't be text."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return b"".join(
        msgspec.json.encode(
            {
                "stream": stream,
                "page_cursor": reject.cursor,
                "record_index": reject.index,
                "byte_offset": reject.offset,
                "code": reject.code,
                "detail": reject.detail.encode("utf-8", "backslashreplace").decode(),
                "raw": base64.b64encode(reject.raw).decode(),
                "quarantined_at": now,
            }
        )
        + b"\n"
        for reject in rejects
    )
