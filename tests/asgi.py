"""An application on a real socket, served in a thread."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette


@contextmanager
def serving(app: Starlette, listener: socket.socket, **how: Any) -> Iterator[None]:
    """Serve on a socket that listens, until the block ends. `how` goes to uvicorn."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", access_log=False, **how))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
