"""APIs whose every answer the test decides, on real sockets."""

import json
import threading
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""

Script = Callable[[str | None], Answer]
"""From the cursor that was asked for."""


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """Of the target."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """Of the target, decoded."""
        return dict(parse_qsl(urlsplit(self.target).query))


def page(ids: list[str], cursor: str | None, *, more: bool | None = None, **meta: Any) -> Answer:
    """An ordinary page; `more` follows from the cursor unless it is given."""
    body = {
        "data": [{"id": key, "type": "click", "timestamp": 1705314600000} for key in ids],
        "pagination": {"nextCursor": cursor, "hasMore": cursor is not None if more is None else more},
        "meta": meta,
    }
    return 200, {}, json.dumps(body).encode()


class Server:
    """Serves what `answer` gives on loopback until the `with` block ends.

    Attributes:
        origin: scheme, host and port.
    """

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, headers, body = answer(Asked(self.command, self.path, self.headers, sent))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:  # a script may lie
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _serve  # noqa: N815 - the library's names

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ScriptedApi(Server):
    """Serves a `script`.

    Attributes:
        base_url: to give to datasync.
        asked: the cursors that were asked for, in order.
    """

    def __init__(self, script: Script) -> None:
        def answer(asked: Asked) -> Answer:
            cursor = asked.query.get("cursor")
            self.asked.append(cursor)
            return script(cursor)

        self.asked: list[str | None] = []
        super().__init__(answer)
        self.base_url = f"{self.origin}/api"
