"""Serves a recorded conversation on loopback."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests import asgi

FOLDER = Path(__file__).parent
_OF_THE_TRANSFER = {"connection", "content-encoding", "content-length", "transfer-encoding"}


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question and its answer; `sent` is the JSON that was sent, `body` names the file of the answer's."""

    method: str
    path: str
    sent: dict[str, Any] | None
    status: int
    headers: dict[str, str]
    body: str

    def answers(self, request: Request, sent: bytes) -> bool:
        """Whether this was asked, whatever the order of parameters."""
        path, _, query = self.path.partition("?")
        return (
            (request.method, request.url.path) == (self.method, path)
            and sorted(request.query_params.multi_items()) == sorted(QueryParams(query).multi_items())
            and (msgspec.json.decode(sent) if sent else None) == self.sent
        )


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked of the API at `origin`."""

    origin: str
    answers: list[Recorded]


def conversation(api: str) -> Conversation:
    """The conversation in a folder."""
    return msgspec.json.decode((FOLDER / api / "conversation.json").read_bytes(), type=Conversation)


@contextmanager
def replay(api: str) -> Iterator[str]:
    """Serve the conversation with an API; what was not asked then is 404. Gives the origin."""
    told = conversation(api)

    async def answer(request: Request) -> Response:
        sent = await request.body()
        for recorded in told.answers:
            if recorded.answers(request, sent):
                body = (FOLDER / api / recorded.body).read_bytes().replace(told.origin.encode(), origin.encode())
                headers = {
                    name: value.replace(told.origin, origin)
                    for name, value in recorded.headers.items()
                    if name not in _OF_THE_TRANSFER
                }
                return Response(body, recorded.status, {"content-type": "application/json", **headers})
        return Response(b'{"message":"not recorded"}', 404, media_type="application/json")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
        with asgi.serving(app, listener, http="httptools", log_level="warning", date_header=False):
            yield origin
