"""An API whose every answer the test decides, on a real socket."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]
Script = Callable[[str | None], Answer]
"""From the cursor that was asked for to status, headers and body."""


def page(ids: list[str], cursor: str | None, *, more: bool | None = None, **meta: Any) -> Answer:
    """An ordinary page; `more` follows from the cursor unless it is given."""
    body = {
        "data": [{"id": key, "type": "click", "timestamp": 1705314600000} for key in ids],
        "pagination": {"nextCursor": cursor, "hasMore": cursor is not None if more is None else more},
        "meta": meta,
    }
    return 200, {}, json.dumps(body).encode()


class ScriptedApi:
    """Serves `script` on loopback until the `with` block ends.

    Attributes:
        base_url: to give to datasync.
        asked: the cursors that were asked for, in order.
    """

    def __init__(self, script: Script) -> None:
        api = self
        self.asked: list[str | None] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                cursor = parse_qs(urlsplit(self.path).query).get("cursor", [None])[0]
                api.asked.append(cursor)
                status, headers, body = script(cursor)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:  # a script may lie
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/api"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
