"""The log of runs that a program of somebody's started: masked, and on the program's stderr unless it takes the log.

A program takes it over by configuring structlog before. Then its processors get what masks before the last of them, as
long as a run goes on, so that its loggers write masked lines, too.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import structlog
import structlog.stdlib
import structlog.testing
from structlog.typing import EventDict, Processor, WrappedLogger

from datasync.config import Masker
from datasync.http.redact import redact
from datasync.observe import log
from datasync.observe.aside import aside

_masks: Final[list[Masker]] = []
"""Those of the runs that go on."""

_TO_LOGGING: Final = (structlog.stdlib.render_to_log_kwargs, structlog.stdlib.render_to_log_args_and_kwargs)

_lock: Final = threading.Lock()
_runs = 0
_undo: list[Callable[[], None]] = []
"""What the first run has to undo once the last one ends."""


@contextmanager
def logging() -> Iterator[Callable[[Masker], None]]:
    """Set the log up while runs go on; the last one puts it back. Yields what adds a run's mask."""
    global _runs  # noqa: PLW0603 - structlog's set-up is the process's, and so is this
    mine: list[Masker] = []

    def add(mask: Masker) -> None:
        mine.append(mask)
        _masks.append(mask)

    with _lock:
        if not _runs:
            _undo.append(_joined() if _taken() else _own())
        _runs += 1
    try:
        yield add
    finally:
        with _lock:
            for mask in mine:
                _masks.remove(mask)
            _runs -= 1
            if not _runs:
                _undo.pop()()


def _mask(text: str) -> str:
    for mask in tuple(_masks):
        text = mask(text)
    return text


def _taken() -> bool:
    captured = structlog.get_config()["processors"]  # by a test, which needs no configuration for it
    return structlog.is_configured() or any(isinstance(one, structlog.testing.LogCapture) for one in captured)


def _own() -> Callable[[], None]:
    terminal = sys.stderr is not None and sys.stderr.isatty()
    made = log.processors(terminal=terminal, mask=_mask)
    structlog.configure(
        processors=made,
        logger_factory=lambda *_: structlog.PrintLogger(aside()),
        cache_logger_on_first_use=False,
    )

    def undo() -> None:
        if structlog.get_config()["processors"] is made:  # else the program has taken the log over since
            structlog.reset_defaults()

    return undo


def _joined() -> Callable[[], None]:
    # In place, as structlog's own `capture_logs` does it: loggers that are cached have this very list.
    theirs: Any = structlog.get_config()["processors"]
    if not isinstance(theirs, list):
        structlog.configure(processors=[*theirs])
        theirs = structlog.get_config()["processors"]
    before = theirs[-1:]
    more = [_traced(before[0] if before else None), log.concealing(_mask)]
    theirs[-1:] = [*more, *before]

    def undo() -> None:
        for one in more:
            with suppress(ValueError):
                theirs.remove(one)

    return undo


def _traced(last: Processor | None) -> Processor:
    """Makes text of a traceback, so that it is masked."""
    # The one would warn of a text, as it could draw the traceback itself, with the secrets in it; the others lose it.
    part_of_event = isinstance(last, structlog.dev.ConsoleRenderer) or last in _TO_LOGGING

    def traced(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        done: Any = structlog.processors.format_exc_info(logger, method, event)
        if part_of_event and "exception" in done:
            done["event"] = f"{done['event']}\n{redact(_mask(done.pop('exception')))}"
        return done  # type: ignore[no-any-return]  # structlog's types say less than they know

    return traced
