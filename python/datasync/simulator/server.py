"""Serves simulated APIs on a socket.

Uvicorn and not granian: a granian application cannot reset a connection without an answer, and granian took up to
twice the processor time for a page of 1.7 MB.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from datasync.simulator.app import build_app
from datasync.simulator.options import READY, SimulatorOptions
from datasync.simulator.state import Simulator
from datasync.simulator.wire import EXTENSION

if TYPE_CHECKING:
    from datasync.simulator.zoo.options import ZooOptions

AnyOptions: TypeAlias = "SimulatorOptions | ZooOptions"


class _Protocol(HttpToolsProtocol):
    """Uvicorn's own, which also hands its transport to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """Says when it listens, and ends with its owner."""

    def __init__(self, config: uvicorn.Config, options: AnyOptions, announce: Callable[[socket.socket], None]) -> None:
        super().__init__(config)
        self._options = options
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._options.exit_with_stdin:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._owner_spoke)
        for listener in sockets or ():
            self._announce(listener)

    def _owner_spoke(self) -> None:
        if not os.read(sys.stdin.fileno(), 1_024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.should_exit = True


def serve(options: SimulatorOptions) -> None:
    """Serve until SIGINT, SIGTERM or, if so told, the end of standard input."""
    simulator = Simulator(options)
    # The rendered pages live as long as the process: collections that walked over them would only slow requests.
    gc.collect()
    gc.freeze()
    serve_app(build_app(simulator), options, path="/api/v1")


def serve_app(
    app: Starlette,
    options: AnyOptions,
    *,
    path: str = "",
    greet: Callable[[str], None] | None = None,
) -> None:
    """Serve an application likewise; `path` is told behind the origin, and `greet` gets both once it listens."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # above a limit's window, so that waiting for a slot does not cost the connection
        timeout_graceful_shutdown=1,
    )
    listener = socket.create_server(
        (options.host, options.port),
        family=socket.AF_INET6 if ":" in options.host else socket.AF_INET,
        backlog=512,
    )

    def announce(listener: socket.socket) -> None:
        url = _announce(listener, options, path)
        if greet:
            greet(url)

    try:
        _Server(config, options, announce).run(sockets=[listener])
    except KeyboardInterrupt:
        return  # uvicorn raises the signal anew once it has closed everything
    finally:
        listener.close()


def _announce(listener: socket.socket, options: AnyOptions, path: str) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{listener.getsockname()[1]}{path}"
    if options.ready_file:
        # Moved into place, so that whoever waits for the file never finds half of it; and before the line is printed,
        # so that whoever read the line finds the file.
        partial = Path(f"{options.ready_file}.partial")
        partial.write_text(f"{url}\n")
        partial.replace(options.ready_file)
    print(f"{READY}{url}", flush=True)  # noqa: T201  # standard output is the contract with whoever started this
    return url
