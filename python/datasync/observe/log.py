"""Log lines on stderr: for people on a terminal, JSON elsewhere. stdout is left to data."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from datasync.config import Masker


def configure(*, terminal: bool, mask: Masker) -> None:
    """Set logging up. `mask` goes over every text in a line, tracebacks included."""

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: mask(value) if isinstance(value, str) else value for key, value in event.items()}

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
            redact,
            renderer,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(_Stderr()),  # type: ignore[arg-type]  # it only writes and flushes
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)


class _Bridge(logging.Handler):
    """Sends what libraries log the same way, so that it is masked too."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


class _Stderr:
    """Looks stderr up at each write: the progress display replaces it while it runs."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
