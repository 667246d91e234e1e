"""The built-in endpoint `datasync`: the events list of the DataSync API."""

import base64
import binascii
from typing import Final

import httpx
import msgspec

from datasync import hookspecs
from datasync.config import Settings
from datasync.errors import ContractChanged, CursorExpired
from datasync.http.auth import ApiKeyAuth
from datasync.http.retry import check_status, server_time
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Request
from datasync.plugins import Register

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


class _ErrorBody(msgspec.Struct):
    code: str = ""


class EventsEndpoint:
    """`GET {API_BASE_URL}/events`, newest first, paged by cursor. See `Endpoint` for the methods.

    A cursor is base64 of `{"id", "ts", "v": 2, "exp"}` for the last record of its page and isn't signed. So the place
    after a page is that record's (id, ts), and a cursor with a later `exp` goes on from there after any pause.
    """

    name: Final = "datasync.events"
    plan: Final = PLAN
    cursor_ttl: Final = 120.0

    def __init__(self, settings: Settings) -> None:
        self.auth: httpx.Auth = ApiKeyAuth("X-API-Key", settings.api_key, base_url=settings.api_base_url)
        self._key_source = settings.api_key.source

    def request(self, cursor: str | None) -> Request:
        """See Endpoint."""
        params: dict[str, str | int] = {"limit": PAGE_LIMIT}
        if cursor is not None:
            params["cursor"] = cursor
        return Request("/events", params)

    def check(self, answer: Answer) -> None:
        """See Endpoint."""
        if answer.status == 400:
            try:
                code = msgspec.json.decode(answer.body, type=_ErrorBody).code
            except (msgspec.DecodeError, msgspec.ValidationError):
                code = ""
            if code in ("CURSOR_EXPIRED", "CURSOR_INVALID_FORMAT"):
                raise CursorExpired(f"GET /events: {code}", server_time=server_time(answer))
        check_status(answer, where="GET /events", key_source=self._key_source)

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

    def reseek(self, position: Position, *, now_ms: int) -> str:
        """See Endpoint."""
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


@hookspecs.hookimpl
def register_endpoints(register: Register) -> None:
    """Offer `datasync`."""
    register("datasync", EventsEndpoint)
