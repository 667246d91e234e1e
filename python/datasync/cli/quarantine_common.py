"""What the commands of `datasync quarantine` have in common: options, the connection, and how they end."""

import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog

from datasync import envvars, loop
from datasync.cli.streams import hold_standard_streams
from datasync.config import Masker, load_database, variables
from datasync.errors import EXIT_SETUP, ConfigError, DatasyncError
from datasync.observe import log
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.quarantined import connected
from datasync.timestamps import TimestampRefused, normalize_timestamp

F = TypeVar("F", bound=Callable[..., Any])

ID = click.IntRange(1, 2**63 - 1)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class _Since(click.ParamType[datetime | timedelta | None]):
    name = "since"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta | None:
        if found := re.fullmatch(r"([0-9]{1,6})([smhd])", value):
            return timedelta(**{_UNITS[found[2]]: int(found[1])})
        try:
            return normalize_timestamp(value)
        except TimestampRefused:
            self.fail(
                f"`{value}` is neither a time like 15m, 24h or 7d nor an ISO 8601 instant with a zone", param, ctx
            )


def option(name: str, *more: str, **how: Any) -> Callable[[F], F]:
    """Give an option that a variable of its name sets, too; in `.env` as well if there is `--env-file`."""
    variable = envvars.QUARANTINE + name.removeprefix("--").replace("-", "_").upper()
    return click.option(name, *more, envvar=variable, **how)


def env_file_option(function: F) -> F:
    """Add `--env-file`."""
    return click.option(
        "--env-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        is_eager=True,
        callback=_take_variables,
        help="file of NAME=value lines; `.env` here, unless told",
    )(function)


def _take_variables(context: click.Context, _parameter: click.Parameter, env_file: Path | None) -> Path | None:
    try:
        found = variables(env_file)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    context.default_map = {
        parameter.name: found[parameter.envvar]
        for parameter in context.command.params
        if parameter.name and isinstance(parameter.envvar, str) and parameter.envvar in found
    }
    return env_file


def stream_and_code(function: F) -> F:
    """Add `--stream` and `--code`."""
    function = option("--code", metavar="CODE", help="only records that were refused for this reason")(function)
    return option("--stream", metavar="NAME", help="only records of this stream, like datasync.events")(function)


def since_option(function: F) -> F:
    """Add `--since`."""
    text = "only records quarantined since then: 15m, 24h, 7d, or an ISO 8601 instant with a zone"
    return option("--since", type=_Since(), metavar="TIME", help=text)(function)


def json_option(text: str) -> Callable[[F], F]:
    """Add `--json`, which gives what `text` says."""
    return option("--json", "as_json", is_flag=True, help=text)


def read(env_file: Path | None, use: Callable[[Connection, Masker], Coroutine[Any, Any, None]]) -> None:
    """Let `use` look into the database, which needs no more than its URL, and end the process if it fails."""

    async def main(mask: Masker) -> None:
        try:
            async with connected(database) as connection:
                await use(connection, mask)
        except DatasyncError as error:
            error.exit_code = EXIT_SETUP  # there is nothing that another run would go on with
            raise

    with ended():
        database, mask = load_database(os.environ, env_file=env_file)
        log.configure(terminal=_terminal(), mask=mask)
        loop.run(main(mask))


@contextmanager
def ended() -> Iterator[None]:
    """Report what goes wrong, and end the process with the code for it."""
    hold_standard_streams()
    log.configure(terminal=_terminal(), mask=Masker())
    try:
        yield
    except DatasyncError as error:
        structlog.get_logger().error(str(error), code=error.code, **({"hint": error.hint} if error.hint else {}))
        code = error.exit_code
    except BrokenPipeError:
        code = 1  # whoever read has had enough
    except OSError as error:
        structlog.get_logger().error(f"can't write: {error.strerror}", code=ConfigError.code)
        code = EXIT_SETUP
    except BaseException as error:  # noqa: BLE001 - the last line of defence, for secrets in a traceback too
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        structlog.get_logger().exception("internal error", code="internal")
    else:
        return
    # At once: a transform that hangs in its thread would keep the process for ever.
    os._exit(code)


def _terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
