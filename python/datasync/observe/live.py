"""Progress on a terminal: a live line. Plugs into the lifecycle hooks."""

import io
import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.text import Text

from datasync.hookspecs import hookimpl
from datasync.observe.forecast import seconds_left
from datasync.observe.log import STDERR
from datasync.stats import RunStats


class _Terminal(io.TextIOBase):
    """The terminal on stderr. It may be closed at any time, and what is written then is left out."""

    def write(self, text: str) -> int:
        """Write at once: what stays in a buffer would fail at the end of the process."""
        data = text.encode(self.encoding, "replace")
        with suppress(OSError):
            while data:
                data = data[os.write(STDERR, data) :]
        return len(text)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # as the standard library's own streams do
        """Of the terminal."""
        return sys.__stderr__.encoding if sys.__stderr__ else "utf-8"

    def fileno(self) -> int:
        """Of stderr."""
        return STDERR

    def isatty(self) -> bool:
        """It is one, or was."""
        return True


class TerminalProgress:
    """Rows, rows/s, MB/s, pages, refusals, quarantined, use of the rate limit, and the time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            _StatsColumn(),
            _LeftColumn(),
            console=Console(file=_Terminal()),  # type: ignore[arg-type]  # it writes, and asks what it is
            refresh_per_second=8,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    @hookimpl
    def run_started(self, stats: RunStats) -> None:
        """Begin the line."""
        self._task = self._progress.add_task("ingest", total=None, stats=stats, started=time.monotonic())

    @hookimpl
    def batch_committed(self, stats: RunStats) -> None:
        """Move the line on."""
        self._progress.update(self._task, completed=stats.served, total=stats.total)


class _StatsColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        stats: RunStats = task.fields["stats"]
        seconds = max(time.monotonic() - task.fields["started"], 1e-9)
        done = stats.rows + stats.updated + stats.unchanged + stats.duplicates
        return Text(
            f"{stats.rows:,} rows  {done / seconds:,.0f} rows/s  {stats.bytes / seconds / 1e6:.1f} MB/s  "
            f"{stats.pages:,} pages  {stats.refused} refused  {stats.quarantined:,} quarantined{_limit(stats)}"
        )


def _limit(stats: RunStats) -> str:
    if stats.utilisation is None:
        return ""
    return f"  {stats.utilisation:.0%} of the limit used  {stats.waited:,.0f} s throttled"


class _LeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        left = seconds_left(task.fields["stats"], time.monotonic() - task.fields["started"])
        return Text("" if left is None else f"{timedelta(seconds=round(left))} left")
