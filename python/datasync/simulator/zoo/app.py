"""The zoo as a Starlette application."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from datasync.simulator.zoo.ask import Ask, Refused, Reply
from datasync.simulator.zoo.species import SPECIES, Species
from datasync.simulator.zoo.state import Zoo
from datasync.simulator.zoo.tokens import login, oauth_token


class Enclosure:
    """An ASGI application around what answers; every answer is entered in the served log."""

    def __init__(self, zoo: Zoo, name: str, answer: Callable[[Ask], Reply]) -> None:
        self._zoo = zoo
        self._name = name
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        ask = Ask(self._zoo, request, await request.body())
        try:
            reply = self._answer(ask)
        except Refused as refused:
            body = {"error": {"code": refused.code, "message": str(refused)}}
            reply = Reply(body=msgspec.json.encode(body), status=refused.status, headers=refused.headers)
        entry = self._zoo.begin(self._name, request.url.path, reply.status, reply.ids)
        await Response(reply.body, reply.status, reply.headers, reply.media)(scope, receive, send)
        entry.complete = True


def _unknown(ask: Ask) -> Reply:
    raise Refused(404, "not_found", f"nothing is at {ask.request.url.path}")


def _guarded(species: Species) -> Callable[[Ask], Reply]:
    def answer(ask: Ask) -> Reply:
        species.guard.check(ask)
        return species.pager.page(ask)

    return answer


def build_zoo(zoo: Zoo) -> Starlette:
    """Give the application that answers for a zoo, with what only a zoo has under `/_zoo`."""

    def place(path: str, name: str, answer: Callable[[Ask], Reply], method: str) -> Route:
        return Route(path, Enclosure(zoo, name, answer), methods=[method], name=name)

    async def served(request: Request) -> Response:
        after = int(request.query_params.get("after") or 0)
        return Response(msgspec.json.encode(zoo.served[after:]), media_type="application/json")

    async def stats(_: Request) -> Response:
        return Response(msgspec.json.encode(zoo.stats()), media_type="application/json")

    async def reset(_: Request) -> Response:
        zoo.reset()
        return Response(status_code=204)

    app = Starlette(
        routes=[
            Route("/_zoo/served", served),
            Route("/_zoo/stats", stats),
            Route("/_zoo/reset", reset, methods=["POST"]),
            place("/oauth/token", "oauth/token", oauth_token, "POST"),
            place("/login", "login/token", login, "POST"),
            *(place(species.url(""), species.name, _guarded(species), species.method) for species in SPECIES.values()),
            Route("/{path:path}", Enclosure(zoo, "unknown", _unknown)),
        ]
    )
    app.router.redirect_slashes = False
    return app
