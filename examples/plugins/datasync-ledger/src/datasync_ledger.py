"""Reads a ledger: an append-only list, whose pages say how far the ledger goes and whose requests are signed."""

import hashlib
import hmac
import time
from collections.abc import Callable, Generator

import httpx
import msgspec

import datasync
from datasync.config import Secret, Settings
from datasync.endpoints.base import BodyTells, ByReread, Peek
from datasync.errors import ContractChanged
from datasync.http.retry import check_status
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Request
from datasync.plugins import Register

PAGE_LIMIT = 500
HEAD = "x-ledger-head"


class SignedAuth(httpx.Auth):
    """Signs the second, the method and the target of each request; the key itself is never sent."""

    def __init__(self, key: Secret, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth. A request that is sent again is signed again, by the clock of then."""
        second = str(int(self._clock()))
        text = f"{second}\n{request.method}\n{request.url.raw_path.decode()}".encode()
        request.headers["X-Ledger-Time"] = second
        request.headers["X-Ledger-Signature"] = hmac.new(self._key.reveal().encode(), text, hashlib.sha256).hexdigest()
        yield request


class LedgerEndpoint(BodyTells):
    """`GET /entries?after=N`: entries in the order of their numbers, and the ledger's last number in a header."""

    name = "ledger.entries"
    plan = EncoderPlan(
        records="entries",
        next_cursor="last",
        columns=(
            Column("id", "id", "text", required=True, key=True),
            Column("event_type", "kind", "text"),
            Column("timestamp", "bookedAt", "timestamptz"),
            Column("data", "", "jsonb", required=True),
        ),
    )
    cursor_ttl = None  # a number is good for ever
    reseek = ByReread()

    def __init__(self, settings: Settings) -> None:
        self.auth = SignedAuth(settings.api_key)
        self._key_source = settings.api_key.source

    def request(self, cursor: str | None) -> Request:
        """Ask for what follows the entry `cursor`."""
        return Request("/entries", {"after": int(cursor or 0), "limit": PAGE_LIMIT})

    def check(self, answer: Answer) -> None:
        """Take 200 for a page, and any other status for what it usually means."""
        check_status(answer, where="GET /entries", key_source=self._key_source)

    def turn(self, chunk: Chunk, answer: Answer, _cursor: str | None) -> Chunk:
        """Go on until the page ends where the ledger does."""
        head = _head(answer)
        return msgspec.structs.replace(chunk, has_more=int(chunk.next_cursor or 0) < head, total=head)

    def following(self, answer: Answer, _cursor: str | None, peek: Peek) -> str | None:
        """Give the number after which the next page begins."""
        last, _ = peek(answer.body)
        return last if int(last or 0) < _head(answer) else None

    def position(self, chunk: Chunk) -> Position | None:
        """Give the page's last number."""
        return {"number": chunk.next_cursor} if chunk.next_cursor else None


def _head(answer: Answer) -> int:
    try:
        return int(answer.headers[HEAD])
    except (KeyError, ValueError) as error:
        raise ContractChanged(f"GET /entries: no number in the header {HEAD}, so the end can't be told") from error


@datasync.hookimpl
def register_endpoints(register: Register) -> None:
    """Offer `ledger`."""
    register("ledger", LedgerEndpoint)
