"""Progress where stderr is no terminal: a log line now and then. Plugs into the lifecycle hooks."""

import time
from types import TracebackType
from typing import Self

import structlog

from datasync.hookspecs import hookimpl
from datasync.observe.forecast import finish
from datasync.stats import RunStats

LOG_EVERY = 10.0
"""Seconds between two progress lines in the log."""


class LogProgress:
    """A `progress` line at most every LOG_EVERY seconds."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()
        self._began = time.monotonic()
        self._next = self._began + LOG_EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @hookimpl
    def batch_committed(self, stats: RunStats) -> None:
        """Log where the run is, now and then."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LOG_EVERY
            self._log.info(
                "progress",
                served=stats.served,
                total=stats.total,
                rows=stats.rows,
                refused=stats.refused,
                seconds_throttled=round(stats.waited, 3),
                utilisation=None if stats.utilisation is None else round(stats.utilisation, 4),
                predicted_finish=finish(stats, time.monotonic() - self._began),
            )
