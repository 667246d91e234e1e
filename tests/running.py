"""A `datasync ingest` that is watched while it runs, so that a test can do harm at the moment it means."""

import json
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.support import Run, environment, start

PATIENCE = 60.0
"""Seconds until what is waited for counts as never coming."""


class Running:
    """A started `datasync ingest`; use as a context manager, which ends it if the test hasn't."""

    def __init__(self, dsn: str, base_url: str, *arguments: str, **env: str) -> None:
        self._process = start(["ingest", *arguments], environment(dsn, base_url, **env))
        self._stderr: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.end()

    @property
    def stderr(self) -> str:
        """The log so far."""
        return "".join(self._stderr)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Log lines so far with this message."""
        found = [json.loads(line) for line in list(self._stderr) if line.endswith("\n")]
        return [line for line in found if line["event"] == event]

    def until(self, happened: Callable[[], object], what: str) -> None:
        """Wait for something that must happen before the run ends."""
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert not self.over, f"ended before {what}:\n{self.stderr}"
            assert time.monotonic() < deadline, f"waited in vain: {what}\n{self.stderr}"
            time.sleep(0.01)

    def until_said(self, event: str, *, more_than: int = 0) -> None:
        """Wait for a log line with this message, or for more than so many."""
        self.until(lambda: len(self.lines(event)) > more_than, f"it said `{event}`")

    def interrupt(self) -> None:
        """Send SIGINT."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def end(self, *, timeout: float = PATIENCE) -> Run:
        """Wait until it ends."""
        try:
            self._process.wait(timeout)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._reader.join()
            stdout = ""
            if self._process.stdout is not None and not self._process.stdout.closed:
                stdout = self._process.stdout.read()
                self._process.stdout.close()
        return Run(self._process.returncode, stdout, self.stderr)

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self._stderr.append(line)
