"""How a command ends: the one place that turns errors into exit codes and words."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import structlog
from structlog.typing import EventDict, WrappedLogger

from datasync.cli.command import EXIT_CTRL_C
from datasync.cli.show import visible
from datasync.cli.streams import CantWrite, hold_standard_streams
from datasync.config import Masker
from datasync.errors import EXIT_LEFT, EXIT_SETUP, ConfigError, DatasyncError, Interrupted
from datasync.observe import log


@contextmanager
def ended(*, plain: bool = True, before: Callable[[int, DatasyncError | None], None] | None = None) -> Iterator[None]:
    """Report what goes wrong on stderr, and end the process with the code for it.

    The code stays that of the command where `before` can't write: 1 instead of 0, since what it did is done.

    Args:
        plain: lines like `error: ..` and `hint: ..`; else those of a log, as commands have it that run what is others'.
        before: is called with the exit code and the error, if there is one, before the process ends or goes on.
    """
    hold_standard_streams()
    report(Masker(), plain=plain)
    failure: DatasyncError | None = None
    code = 0
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the last line of defence, for secrets in a traceback too
        code = _reported(error)
        failure = error if isinstance(error, DatasyncError) else None
    if before is not None:
        try:
            before(code, failure)
        except OSError as error:
            code = code or EXIT_LEFT
            _reported(error)
    if code and plain:
        sys.exit(code)
    if code:
        # At once: a transform that hangs in its thread would keep the process for ever.
        os._exit(code)


def _reported(error: BaseException) -> int:
    """Say what went wrong, and give the exit code for it."""
    if isinstance(error, Interrupted):
        return error.exit_code  # it was reported
    if isinstance(error, DatasyncError):
        hint = {"hint": error.hint} if error.hint else {}
        structlog.get_logger().error(str(error), code=error.code, **hint)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return EXIT_CTRL_C
    if isinstance(error, BrokenPipeError):
        return EXIT_LEFT  # whoever read has had enough
    if isinstance(error, OSError):
        message, advice = _of_system(error)
        structlog.get_logger().error(message, code=ConfigError.code, hint=advice)
        return EXIT_SETUP
    structlog.get_logger().error("internal error", code="internal", exc_info=error)
    return EXIT_LEFT


def _of_system(error: OSError) -> tuple[str, str]:
    """What to say of it, and a hint."""
    said = error.strerror or str(error) or type(error).__name__
    if isinstance(error, CantWrite):
        return f"can't write `{error.filename}`: {said}", "is there room, and may this user write there?"
    if error.filename is not None:
        return f"can't use `{os.fsdecode(error.filename)}`: {said}", "is it there, and may this user read and write it?"
    return (
        f"the system refused something: {said}",
        "the log may say what came before; then run it again",
    )


def report(mask: Masker, *, plain: bool = True) -> None:
    """Have what is reported from now on masked by `mask`."""
    log.configure(terminal=sys.stderr is not None and sys.stderr.isatty(), mask=mask, form=_line if plain else None)


def _line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    known = ("level", "event", "hint", "code", "timestamp", "exception")
    more = "".join(f" {key}={value}" for key, value in event.items() if key not in known)
    level = "" if event["level"] == "info" else f"{event['level']}: "
    lines = [f"{level}{event['event']}{more}"]
    if "hint" in event:
        lines.append(f"hint: {event['hint']}")
    if "exception" in event:
        lines.append(event["exception"])
    # What is said may hold what others wrote, and a terminal would obey it.
    return "\n".join(visible(line, keep="\n") for line in lines)
