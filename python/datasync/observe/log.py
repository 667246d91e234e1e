"""Log lines on stderr: for people on a terminal, JSON elsewhere. stdout is left to data."""

import logging
import os
import sys
from contextlib import suppress
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from datasync.config import Masker
from datasync.errors import error_codes
from datasync.http.redact import redact

STDERR = 2


def configure(*, terminal: bool, mask: Masker) -> None:
    """Set logging up. `mask`, then `redact`, go over every text in a line, tracebacks included."""

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

    codes = error_codes() | {"internal"}

    renderer: Any = (
        structlog.dev.ConsoleRenderer(pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
            structlog.processors.format_exc_info,
            conceal,
            renderer,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(_Stderr(terminal=terminal)),  # type: ignore[arg-type]  # it only writes and flushes
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)


class _Bridge(logging.Handler):
    """Sends what libraries log the same way, so that it is masked too."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "a library says", text=record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


class _Stderr:
    """Writes lines, and goes on without them when nobody takes them: a closed pipe must not stop an ingestion."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            if self._terminal:
                sys.stderr.write(text)  # looked up at each write: the progress display replaces it while it runs
            else:
                os.write(STDERR, text.encode())  # nothing is left in a buffer that would fail at the end again
        return len(text)

    def flush(self) -> None:
        pass
