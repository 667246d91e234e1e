"""Log lines on stderr: for people on a terminal, JSON elsewhere. stdout is left to data."""

import logging
import os
import select
import sys
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from datasync.config import Masker
from datasync.errors import error_codes
from datasync.http.redact import redact

STDERR = 2

PATIENCE: Final = 1.0
"""Seconds that a reader of the log may stop reading before a line is lost."""


def configure(*, terminal: bool, mask: Masker, form: Processor | None = None) -> None:
    """Set logging up. `mask`, then `redact`, go over every text in a line, tracebacks included.

    Args:
        terminal: stderr is one: lines for people, in colour unless NO_COLOR is set; else JSON.
        mask: replaces secrets.
        form: makes the text of a line, instead.
    """
    stderr = _Stderr(terminal=terminal)
    structlog.configure(
        processors=processors(terminal=terminal, mask=mask, form=form),
        logger_factory=lambda *_: structlog.PrintLogger(stderr),  # type: ignore[arg-type]  # it only writes and flushes
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)


def processors(*, terminal: bool, mask: Callable[[str], str], form: Processor | None = None) -> list[Processor]:
    """Give what makes a masked line of an event; see `configure`."""
    renderer: Processor = structlog.processors.JSONRenderer()
    if form is not None:
        renderer = form
    elif terminal:
        renderer = structlog.dev.ConsoleRenderer(
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,
            colors=not os.environ.get("NO_COLOR"),
        )
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
        structlog.processors.format_exc_info,
        concealing(mask),
        renderer,
    ]


def concealing(mask: Callable[[str], str]) -> Processor:
    """Give the processor that has `mask` and `redact` go over every text of an event."""
    codes = error_codes() | {"internal"}

    def conceal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        # Our own messages and codes are constants, and scripts look for them: a key that is a word of theirs, or a
        # letter, must not spoil them.
        kept = {"level", "timestamp"} | ({"event"} if event.get("level") in ("info", "warning") else set())
        if event.get("code") in codes:
            kept.add("code")
        return {
            key: redact(mask(value)) if isinstance(value, str) and key not in kept else value
            for key, value in event.items()
        }

    return conceal


class _Bridge(logging.Handler):
    """Sends what libraries log the same way, so that it is masked too."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "a library says", text=record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


class _Stderr:
    """Writes lines, and goes on without them when nobody takes them: that must not stop an ingestion.

    A line is lost where stderr is closed, its disk is full, or its reader has stopped reading. Once lines are taken
    again, the first one says how many were lost.
    """

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._lost = 0
        self._patience = PATIENCE

    def write(self, text: str) -> int:
        try:
            if self._terminal:
                sys.stderr.write(text)  # looked up at each write: the progress display replaces it while it runs
            else:
                self._write(text.encode())
        except (OSError, ValueError):
            self._lost += 1
        return len(text)

    def flush(self) -> None:
        pass

    def _write(self, line: bytes) -> None:
        # Straight to the handle: nothing is left in a buffer that would fail at the end again.
        if self._lost:
            said = {"level": "warning", "event": "log lines were lost", "lost": self._lost}
            self._put(msgspec.json.encode(said) + b"\n")
            self._lost = 0
        self._put(line)

    def _put(self, data: bytes) -> None:
        # A pipe that poll calls writable takes so much without waiting. A reader that stopped holds up one line only.
        for start in range(0, len(data), select.PIPE_BUF):
            poll = select.poll()
            poll.register(STDERR, select.POLLOUT)
            if not poll.poll(self._patience * 1000):
                self._patience = 0.0
                raise BlockingIOError("nobody reads the log")
            os.write(STDERR, data[start : start + select.PIPE_BUF])
        self._patience = PATIENCE
