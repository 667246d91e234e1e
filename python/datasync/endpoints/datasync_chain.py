"""What the list and the feed of the DataSync API have in common: the page and its chain of cursors."""

import base64
import binascii
from typing import ClassVar, Final

import httpx
import msgspec

from datasync.endpoints.base import BodyTells, ByCursor
from datasync.errors import ContractChanged, CursorExpired
from datasync.http.access import error_code
from datasync.http.retry import check_status, server_time
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Request

PAGE_LIMIT: Final = 5000
"""Records per page; the API caps larger ones without a word."""

RESEEK_TTL_MS: Final = 110_000
"""Life given to a cursor built here; the API's own live 120 s from the start of the request."""

PLAN: Final = EncoderPlan(
    records="data",
    next_cursor="pagination.nextCursor",
    has_more="pagination.hasMore",
    total="meta.total",
    columns=(
        Column("id", "id", "text", required=True, key=True),
        Column("event_type", "type", "text"),
        Column("timestamp", "timestamp", "timestamptz"),
        Column("data", "", "jsonb", required=True),
    ),
)


class CursorChain(BodyTells):
    """`GET {API_BASE_URL}{path}`, newest first, paged by cursor. See `Endpoint` for the methods.

    A cursor is base64 of `{"id", "ts", "v": 2, "exp"}` for the last record of its page and isn't signed. So the place
    after a page is that record's (id, ts), and a cursor with a later `exp` goes on from there after any pause.
    """

    path: ClassVar[str]
    plan: Final = PLAN
    page_limit: Final = PAGE_LIMIT
    cursor_ttl: Final = 120.0

    def __init__(self, auth: httpx.Auth, *, key_source: str) -> None:
        self.auth = auth
        self.reseek = ByCursor(_build)
        self._key_source = key_source

    def request(self, cursor: str | None, **more: str | int) -> Request:
        """See Endpoint. `more` are further parameters."""
        params: dict[str, str | int] = {"limit": PAGE_LIMIT, **more}
        if cursor is not None:
            params["cursor"] = cursor
        return Request(self.path, params)

    def resized(self, request: Request, limit: int) -> Request:
        """See Resizable."""
        return Request(request.path, {**request.params, "limit": limit})

    def check(self, answer: Answer) -> None:
        """See Endpoint."""
        where = f"GET {self.path}"
        if answer.status == 400:
            code = error_code(answer.body, "code")
            if code in ("CURSOR_EXPIRED", "CURSOR_INVALID_FORMAT"):
                raise CursorExpired(f"{where}: {code}", server_time=server_time(answer))
        check_status(answer, where=where, key_source=self._key_source)

    def position(self, chunk: Chunk) -> Position | None:
        """See Endpoint. Read from the next cursor, else from the last stored record."""
        try:
            token = _decode(chunk.next_cursor or "")
            return {"id": str(token["id"]), "ts": int(token["ts"])}
        except (binascii.Error, msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError, ValueError):
            pass  # the cursor has another form by now: go by the record
        if chunk.last_key is None or chunk.last_timestamp_us is None:
            return None
        return {"id": chunk.last_key, "ts": chunk.last_timestamp_us // 1000}


def _build(position: Position, now_ms: int) -> str:
    try:
        token = {"id": position["id"], "ts": position["ts"], "v": 2, "exp": now_ms + RESEEK_TTL_MS}
    except KeyError as error:
        raise ContractChanged(
            f"the stored position has no {error}", hint="run with --restart to read from the beginning"
        ) from error
    return base64.b64encode(msgspec.json.encode(token)).decode()


def _decode(cursor: str) -> dict[str, str | int]:
    # Standard base64 or base64url, padded or not.
    text = cursor.replace("-", "+").replace("_", "/")
    raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    return msgspec.json.decode(raw, type=dict[str, str | int])
