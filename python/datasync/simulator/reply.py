"""An answer before it is written: what the handlers make, and the shapes of its JSON."""

from __future__ import annotations

import gzip
import uuid
from typing import Any

import msgspec

JSON = "application/json; charset=utf-8"
HTML = "text/html"


class Reply(msgspec.Struct, kw_only=True):
    """One answer.

    Attributes:
        status: HTTP status.
        parts: The body, in pieces that are written one after the other.
        headers: Headers besides the type and length of the body.
        content_type: Type of the body.
        first: Index of the first event in it.
        count: Number of events in it, without repeats.
        damage: Kinds of damage in it.
    """

    status: int = 200
    parts: tuple[bytes, ...] = ()
    headers: dict[str, str] = {}
    content_type: str = JSON
    first: int | None = None
    count: int = 0
    damage: tuple[str, ...] = ()


class ApiError(Exception):
    """Ends a request with the API's error body; `extra` joins the body's fields."""

    def __init__(self, status: int, code: str, message: str, *, extra: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.extra = extra or {}

    def reply(self) -> Reply:
        """Give the answer that tells the error."""
        body = {"error": _TITLES.get(self.status, "Error"), "message": str(self), "code": self.code, **self.extra}
        return json_reply(body, status=self.status)


_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def json_reply(body: object, *, status: int = 200) -> Reply:
    """Give an answer with a JSON body."""
    return Reply(status=status, parts=(msgspec.json.encode(body),))


def html_reply(status: int) -> Reply:
    """Give the answer of a gateway that never heard of JSON."""
    title = f"{status} {_TITLES[status]}"
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Reply(status=status, parts=(body.encode(),), content_type=HTML)


def compressed(reply: Reply) -> Reply:
    """Give the same answer in gzip."""
    body = gzip.compress(b"".join(reply.parts), 1, mtime=0)
    headers = {**reply.headers, "Content-Encoding": "gzip"}
    return msgspec.structs.replace(reply, parts=(body,), headers=headers)


def meta(**fields: object) -> dict[str, object]:
    """Give a `meta` object with a request id of its own."""
    return {**fields, "requestId": str(uuid.uuid4())}
