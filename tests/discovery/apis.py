"""A list API on loopback of which a test says how it pages, what it caps, and what it ignores."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from datasync.discovery.address import parse
from datasync.discovery.credentials import Given
from datasync.discovery.explore import Options, explore
from datasync.discovery.findings import Findings
from tests import asgi
from tests.discovery.cursored import Built, Cursors, GoneError, Holds

NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
FIRST_ID = 7_000

Kind = Literal[
    "none",
    "link",
    "cursor",
    "next_url",
    "header_cursor",
    "page",
    "page0",
    "offset",
    "offset1",
    "skip",
    "keyset",
    "stuck",
]


class Shape(msgspec.Struct, frozen=True):
    """What the API is like.

    Attributes:
        count: records there are.
        paging: how it pages; `stuck` gives a cursor that leads nowhere.
        holds, built, lives: what is in its cursors, what becomes of others, and how many seconds they last.
        at: keys of the array of records; empty is the root.
        size_param: that is honoured; None: none is.
        default, cap: records per page, unless told and at most.
        refuses_above: a larger size is refused with 400.
        total: say how many there are.
        since: honour `since`, in ISO 8601.
        budget: requests after which everything is 429.
        key: that a header must have.
        moment: how timestamps are written.
        grows: each request finds a newer record.
        window: requests per minute that headers tell of; None: they tell nothing.
    """

    count: int = 100
    paging: Kind = "none"
    holds: Holds = "row"
    built: Built = "taken"
    lives: float = 600.0
    at: tuple[str, ...] = ("data",)
    size_param: str | None = None
    default: int = 20
    cap: int = 1000
    refuses_above: int | None = None
    total: bool = False
    since: bool = False
    budget: int | None = None
    key: str | None = None
    moment: Literal["iso", "s", "ms"] = "iso"
    window: int | None = None
    grows: bool = False
    html: bool = False
    status: int = 200

    def records(self, served: int = 0) -> list[dict[str, Any]]:
        return [self.record(number) for number in range(-served if self.grows else 0, self.count)]

    def record(self, number: int) -> dict[str, Any]:
        at = _moment(number)
        written = {"iso": at.isoformat(), "s": int(at.timestamp()), "ms": int(at.timestamp()) * 1000}[self.moment]
        return {"id": FIRST_ID + number, "createdAt": written, "name": f"n{number % 3}", "tags": ["a"], "price": 1.5}


class Api:
    """Serves one shape at a time.

    Attributes:
        shape: of now.
        cursors: of now.
        served: requests that came, since it was set to 0.
        slept: seconds that whoever asks has waited.
    """

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.shape = Shape()
        self.cursors = Cursors("row", "taken", 600.0)
        self.served = 0
        self.slept: list[float] = []
        self.app = Starlette(routes=[Route("/v1/items", self.answer)])

    async def answer(self, request: Request) -> Response:
        shape = self.shape
        self.served += 1
        headers: dict[str, str] = {}
        if shape.window is not None:
            left = str(max(0, shape.window - self.served))
            headers = {"x-ratelimit-limit": str(shape.window), "x-ratelimit-remaining": left, "x-ratelimit-reset": "60"}
        if shape.budget is not None and self.served > shape.budget:
            return JSONResponse({"error": "slow down"}, 429, {**headers, "retry-after": "17"})
        if shape.key is not None and request.headers.get("x-key") != shape.key:
            return JSONResponse({"error": "no"}, 401, {"www-authenticate": "Bearer"})
        if shape.html:
            return HTMLResponse("<html><body>log in</body></html>")
        if shape.status != 200:
            return JSONResponse({}, shape.status)
        return self._page(shape, request, headers)

    def _page(self, shape: Shape, request: Request, headers: dict[str, str]) -> Response:
        query = request.query_params
        size = shape.default
        if shape.size_param is not None and shape.size_param in query:
            size = int(query[shape.size_param])
            if shape.refuses_above is not None and size > shape.refuses_above:
                return JSONResponse({"error": "too many"}, 400)
            size = min(size, shape.cap)
        records = shape.records(self.served)
        if shape.since and "since" in query:
            if query["since"].isdigit():
                return JSONResponse({"error": "since"}, 400)
            records = [one for one in records if one["createdAt"] >= query["since"].replace("Z", "+00:00")]
        try:
            start = self._start(shape.paging, query, records, size)
        except GoneError as gone:
            return JSONResponse({"code": str(gone)}, 400)
        page, after = records[start : start + size], start + size
        body: Any = page
        extra: dict[str, Any] = {}
        if after < len(records):
            self._lead_on(shape, request, after, records, headers, extra)
        if shape.total:
            extra["total"] = len(records)
        for key in reversed(shape.at):
            body = {key: body}
        return JSONResponse({**body, **extra} if isinstance(body, dict) else body, 200, headers)

    def _start(self, paging: Kind, query: Any, records: list[dict[str, Any]], size: int) -> int:  # noqa: PLR0911 - a table
        if paging in ("cursor", "header_cursor"):
            return self.cursors.read(query["cursor"], records) if "cursor" in query else 0
        if paging in ("link", "next_url"):
            return int(query.get("from_row", 0))
        if paging in ("page", "page0"):
            first = 1 if paging == "page" else 0
            return max(0, int(query.get("page", first)) - first) * size
        if paging == "offset1":
            return max(0, int(query.get("offset", 1)) - 1)
        if paging in ("offset", "skip"):
            return int(query.get(paging, 0))
        if paging == "keyset" and "starting_after" in query:
            return 1 + next(at for at, one in enumerate(records) if str(one["id"]) == query["starting_after"])
        return 0

    def _lead_on(
        self,
        shape: Shape,
        request: Request,
        after: int,
        records: list[dict[str, Any]],
        headers: dict[str, str],
        extra: dict[str, Any],
    ) -> None:
        following = str(request.url.include_query_params(from_row=after))
        last = records[after - 1]
        moment_ms = int(_moment(last["id"] - FIRST_ID).timestamp()) * 1000
        cursor = self.cursors.write(after, last, moment_ms, request.query_params.get("cursor"))
        if shape.paging in ("cursor", "stuck"):
            extra["paging"] = {"nextCursor": cursor, "hasMore": True}
        elif shape.paging == "header_cursor":
            headers["x-next-cursor"] = cursor
        elif shape.paging == "link":
            headers["link"] = f'<{following}>; rel="next"'
        elif shape.paging == "next_url":
            extra["links"] = {"next": following.removeprefix(str(request.base_url).rstrip("/"))}


def _moment(number: int) -> datetime:
    return NEWEST - timedelta(minutes=number)


@contextlib.contextmanager
def serving() -> Iterator[Api]:
    """Serve in a thread, on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = Api(listener.getsockname()[1])
        with asgi.serving(api.app, listener, log_level="critical"):
            yield api


def discover(
    api: Api, shape: Shape, *, allowed: int = 40, given: Given | None = None, patience: float = 0.0, **more: Any
) -> Findings:
    """Ask the API while it has this shape; waits pass at once."""
    api.shape, api.served = shape, 0
    api.cursors = Cursors(shape.holds, shape.built, shape.lives)
    api.slept.clear()

    async def asleep(seconds: float) -> None:
        api.slept.append(seconds)

    options = Options(allowed, patience, **more)
    address = parse(f"{api.origin}/v1/items")
    return asyncio.run(explore(address, given or Given(), options, sleep=asleep))
