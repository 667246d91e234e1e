"""`datasync ingest --json`: the summary of a run on standard output, however it ends."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from datasync.cli.show import json_line
from datasync.cli.streams import output
from datasync.config import Settings
from datasync.errors import EXIT_LEFT, DatasyncError, Interrupted, Paused
from datasync.hookspecs import hookimpl
from datasync.http.redact import redact
from datasync.observe.report import figures
from datasync.stats import RunStats, total

_INTERNAL: Final = {"code": "internal", "message": "internal error", "hint": "the log says where it happened"}


class Summary:
    """Plugs into the lifecycle hooks to know the figures of each endpoint's run, and writes them at the end."""

    def __init__(self) -> None:
        self._mask: Callable[[str], str] = str
        self._names: Sequence[str] = ()
        self._runs: list[RunStats] = []
        self._started = time.monotonic()

    def begin(self, runs: Sequence[Settings]) -> None:
        """Take what is about to be run."""
        self._mask = runs[0].mask
        self._names = [run.spec.name if run.spec else run.endpoint for run in runs]

    @hookimpl
    def run_started(self, stats: RunStats) -> None:
        """Keep the figures at hand."""
        self._runs.append(stats)

    def write(self, exit_code: int, error: DatasyncError | None) -> None:
        """Write one JSON object. Where whoever read it is gone the run ends as it would.

        Raises:
            CantWrite: standard output can't be written.
        """
        values: dict[str, object] = {
            "outcome": _outcome(exit_code, error),
            "exit_code": exit_code,
            "endpoint": self._names[0] if len(self._names) == 1 else None,
            "endpoints": list(self._names),
            "error": self._about(error) if error is not None else _INTERNAL if exit_code == EXIT_LEFT else None,
            **figures(total(self._runs), time.monotonic() - self._started, complete=not exit_code),
        }
        with suppress(BrokenPipeError), output(None) as out:
            out.write(json_line(values).encode() + b"\n")

    def _about(self, error: DatasyncError) -> dict[str, object]:
        hint = error.hint and redact(self._mask(error.hint))
        return {"code": error.code, "message": redact(self._mask(str(error))), "hint": hint}


def _outcome(exit_code: int, error: DatasyncError | None) -> str:
    if isinstance(error, Interrupted) or exit_code > 128:
        return "interrupted"
    if isinstance(error, Paused):
        return "paused"
    return "failed" if exit_code else "complete"
