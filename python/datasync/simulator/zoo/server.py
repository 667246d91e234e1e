"""Serves a zoo on a socket."""

from __future__ import annotations

from collections.abc import Callable

from datasync.simulator.server import serve_app
from datasync.simulator.zoo.app import build_zoo
from datasync.simulator.zoo.options import ZooOptions
from datasync.simulator.zoo.state import Zoo


def serve_zoo(options: ZooOptions, greet: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT, SIGTERM or, if so told, the end of standard input; `greet` gets the URL once it listens."""
    serve_app(build_zoo(Zoo(options)), options, greet=greet)
