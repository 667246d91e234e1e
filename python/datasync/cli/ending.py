"""How a command ends: the one place that turns errors into exit codes and words."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import structlog

from datasync.cli.streams import hold_standard_streams
from datasync.config import Masker
from datasync.errors import EXIT_LEFT, EXIT_SETUP, ConfigError, DatasyncError, Interrupted
from datasync.observe import log

EXIT_CTRL_C = 130


@contextmanager
def ended(*, plain: bool = True, before: Callable[[int, DatasyncError | None], None] | None = None) -> Iterator[None]:
    """Report what goes wrong on stderr, and end the process with the code for it.

    Args:
        plain: lines like `error: ..` and `hint: ..`; else those of a log, as a run has it.
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
    except Interrupted as stopped:
        code, failure = stopped.exit_code, stopped  # it was reported
    except DatasyncError as error:
        code, failure = error.exit_code, error
        structlog.get_logger().error(str(error), code=error.code, **({"hint": error.hint} if error.hint else {}))
    except BrokenPipeError:
        code = EXIT_LEFT  # whoever read has had enough
    except OSError as error:
        code = EXIT_SETUP
        structlog.get_logger().error(f"can't write: {error.strerror}", code=ConfigError.code)
    except KeyboardInterrupt:
        code = EXIT_CTRL_C
    except BaseException:  # noqa: BLE001 - the last line of defence, for secrets in a traceback too
        code = EXIT_LEFT
        structlog.get_logger().exception("internal error", code="internal")
    if before is not None:
        before(code, failure)
    if code:
        # At once: a transform that hangs in its thread would keep the process for ever.
        os._exit(code)


def report(mask: Masker, *, plain: bool = True) -> None:
    """Have what is reported from now on masked by `mask`."""
    log.configure(terminal=sys.stderr is not None and sys.stderr.isatty(), mask=mask, plain=plain)
