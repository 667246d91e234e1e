"""The remaining endpoints: sessions, the empty metrics, totals, and what only the simulator has."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from datasync.simulator.chain import asked_cursor, asked_limit, envelope, finished
from datasync.simulator.gate import Call
from datasync.simulator.reply import ApiError, Reply, json_reply, meta
from datasync.simulator.state import Simulator


async def list_sessions(call: Call) -> Reply:
    """Answer a page of sessions, newest first."""
    people, limit, cursor = call.simulator.dataset.people, asked_limit(call), asked_cursor(call)
    start = people.find(cursor.ts) if cursor else 0
    stop = min(start + limit, people.sessions)
    records = [people.session(index) for index in range(start, stop)]
    last = (records[-1]["id"], records[-1]["startedAt"]) if stop < people.sessions else None
    tail = envelope(call, limit=limit, returned=len(records), total=people.sessions, last=last)
    body = b'{"data":' + msgspec.json.encode(records)[:-1]
    return finished(call, Reply(parts=(body, tail)), cached=True)


async def one_session(call: Call) -> Reply:
    """Answer one session."""
    people = call.simulator.dataset.people
    index = people.index_of(call.request.path_params["id"])
    if index is None:
        raise ApiError(404, "SESSION_NOT_FOUND", "No session with this id")
    return json_reply({"data": people.session(index), "meta": meta()})


async def metrics(call: Call) -> Reply:
    """Answer the metrics, of which there never are any."""
    tail = envelope(call, limit=asked_limit(call), returned=0, total=0, last=None)
    return Reply(parts=(b'{"data":[', tail))


async def internal_stats(call: Call) -> Reply:
    """Answer the totals."""
    return json_reply({"totals": call.simulator.totals(), "meta": meta()})


async def unknown(call: Call) -> Reply:
    """Refuse a path, or a method, that the API does not know."""
    raise ApiError(404, "ENDPOINT_NOT_FOUND", f"No endpoint {call.request.method} {call.request.url.path}")


async def health(_: Request) -> Response:
    """Say that requests are answered."""
    return PlainTextResponse("OK")


async def served(request: Request) -> Response:
    """Give the served log from behind the number `after`."""
    simulator: Simulator = request.app.state.simulator
    after = int(request.query_params.get("after") or 0)
    return Response(msgspec.json.encode(simulator.served.entries(after)), media_type="application/json")


async def stats(request: Request) -> Response:
    """Give the counts of what was done."""
    simulator: Simulator = request.app.state.simulator
    return Response(msgspec.json.encode(simulator.stats()), media_type="application/json")
