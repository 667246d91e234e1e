"""`datasync ingest --json`: the summary of a run on standard output, however it ends."""

import time
from collections.abc import Callable
from contextlib import suppress

from datasync.cli.show import json_line
from datasync.cli.streams import output
from datasync.errors import DatasyncError, Interrupted, Paused
from datasync.hookspecs import hookimpl
from datasync.http.redact import redact
from datasync.observe.report import figures
from datasync.stats import RunStats


class Summary:
    """Plugs into the lifecycle hooks to know the run's figures, and writes them at its end."""

    def __init__(self, endpoint: str | None) -> None:
        """Take the name of the endpoint, if it is known."""
        self.endpoint = endpoint
        self.mask: Callable[[str], str] = str
        self._stats = RunStats()
        self._started = time.monotonic()

    @hookimpl
    def run_started(self, stats: RunStats) -> None:
        """Keep the figures at hand."""
        self._stats = stats
        self._started = time.monotonic()

    def write(self, exit_code: int, error: DatasyncError | None) -> None:
        """Write one JSON object. Where nobody reads it the run ends as it would."""
        values: dict[str, object] = {
            "outcome": _outcome(exit_code, error),
            "exit_code": exit_code,
            "endpoint": self.endpoint,
            "error": None if error is None else self._about(error),
            **figures(self._stats, time.monotonic() - self._started, complete=not exit_code),
        }
        with suppress(OSError), output(None) as out:
            out.write(json_line(values).encode() + b"\n")

    def _about(self, error: DatasyncError) -> dict[str, object]:
        hint = error.hint and redact(self.mask(error.hint))
        return {"code": error.code, "message": redact(self.mask(str(error))), "hint": hint}


def _outcome(exit_code: int, error: DatasyncError | None) -> str:
    if isinstance(error, Interrupted) or exit_code > 128:
        return "interrupted"
    if isinstance(error, Paused):
        return "paused"
    return "failed" if exit_code else "complete"
