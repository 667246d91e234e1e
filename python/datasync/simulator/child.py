"""Runs a server as a child process, so that its work is not done in the process that is measured or tested."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from datasync.simulator.options import READY

_STOP_SECONDS = 5.0


class ChildServer:
    """A server in a child process on a free port of loopback.

    The child ends with this process, however that ends: it watches a pipe that only this process holds open.

    Attributes:
        ready_url: That the child said it listens on; set once it answers.
    """

    def __init__(self, module: str, options: str, start_timeout: float) -> None:
        self.ready_url = ""
        self._module = module
        self._options = options
        self._start_timeout = start_timeout
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        if self._child is None:
            raise RuntimeError("the simulator is not started")
        return self._child.pid

    def start(self) -> None:
        """Start the child and wait until it answers.

        Raises:
            RuntimeError: It ended, or did not answer within `start_timeout` seconds.
        """
        # The child must find the same package, also where a test runner put it on the path without the environment.
        package_root = str(Path(__file__).absolute().parents[2])
        path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        self._child = subprocess.Popen(
            [sys.executable, "-m", self._module, self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # a terminal's Ctrl-C is for the owner, who then decides when this ends
        )
        try:
            self.ready_url = self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self) -> str:
        assert self._child is not None
        assert self._child.stdout is not None
        line = _read_line(self._child.stdout, self._start_timeout)
        if not line.startswith(READY):
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"the simulator ended with {self._child.wait(0.5)} before it was ready")
            raise RuntimeError(f"the simulator did not start within {self._start_timeout:g} s")
        return line.removeprefix(READY).strip()

    def stop(self) -> None:
        """End the child: it is asked first, and killed after 5 s. A stopped one may be stopped again."""
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(BrokenPipeError):
            if child.stdin is not None:
                child.stdin.close()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()

    def control(self, method: str, url: str) -> bytes:
        """Ask what only a simulator answers; give the body.

        Raises:
            httpx.HTTPError: It did not.
        """
        import httpx  # noqa: PLC0415  # the child imports this package, too, and would pay a quarter of its start for it

        # Loopback is never behind a proxy, whatever the environment says. There is no TLS, whose setting up takes time.
        with httpx.Client(trust_env=False, verify=False, timeout=30.0) as client:  # noqa: S501 - http
            return client.request(method, url).raise_for_status().content


def _read_line(stream: IO[str], timeout: float) -> str:
    """Read one line, or as much as came before the end or the timeout in seconds."""
    deadline, line = time.monotonic() + timeout, b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(deadline - time.monotonic()):
            # Read below the text layer: what that had taken in advance, select would wait for in vain.
            got = os.read(stream.fileno(), 1_024)
            if not got:
                break
            line += got
    return line.decode()
