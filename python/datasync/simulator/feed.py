"""The undocumented way: a stream token from the dashboard, and the feed that it opens."""

from __future__ import annotations

from datasync.simulator.chain import asked_cursor, event_page
from datasync.simulator.gate import Call
from datasync.simulator.reply import ApiError, Reply, json_reply, meta

FEED_PATH = "/api/v1/events/d4ta/x7k9/feed"
TOKEN_HEADER = "X-Stream-Token"  # noqa: S105  # the name of a header, not a secret


async def stream_access(call: Call) -> Reply:
    """Give a stream token to whoever sends the configured headers besides the key."""
    headers = call.request.headers
    if any(headers.get(name) != value for name, value in call.simulator.dashboard.items()):
        raise ApiError(403, "DASHBOARD_REQUIRED", "Stream access is given to the dashboard only")
    access = {
        "endpoint": FEED_PATH,
        "token": call.simulator.new_token(),
        "expiresIn": int(call.simulator.options.token_ttl),
        "tokenHeader": TOKEN_HEADER,
    }
    return json_reply({"streamAccess": access, "meta": meta()})


async def feed(call: Call) -> Reply:
    """Answer a page of the events from `since` to `until` (epoch ms), newest first."""
    simulator, dataset = call.simulator, call.simulator.dataset
    if not simulator.knows_token(call.request.headers.get(TOKEN_HEADER)):
        raise ApiError(403, "INVALID_STREAM_TOKEN", "The stream token is unknown or has expired")
    since, until = _bound(call, "since"), _bound(call, "until")
    bounds = simulator.options.feed_bounds
    newest = simulator.newest()
    first = 0 if until is None else dataset.first_until(until if bounds == "inclusive" else until - 1)
    first = max(newest, first)
    bound = dataset.count if since is None else dataset.first_until(since if bounds == "exclusive" else since - 1)
    bound = max(first, bound)
    cursor = asked_cursor(call)
    start = max(first, dataset.find(cursor.ts, cursor.id)) if cursor else first
    total = bound - first if simulator.options.feed_total == "window" else simulator.total(newest)
    return event_page(call, start=start, bound=bound, first=first, total=total, feed=True)


def _bound(call: Call, name: str) -> int | None:
    text = call.query(name)
    try:
        return int(text) if text else None
    except ValueError as error:
        raise ApiError(400, "INVALID_PARAMETER", f"{name} must be an integer of epoch ms") from error
