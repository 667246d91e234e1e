"""What the commands of `datasync quarantine` have in common: options, the connection, and how they end."""

import re
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from datasync import envvars
from datasync.cli import database, options
from datasync.config import Masker
from datasync.postgres.connection import Connection
from datasync.timestamps import TimestampRefused, normalize_timestamp

F = TypeVar("F", bound=Callable[..., Any])

ID = click.IntRange(1, 2**63 - 1)
_TEXT = options.Text()
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


option = options.of(envvars.QUARANTINE)
"""Makes the options of these commands."""


def stream_and_code(function: F) -> F:
    """Add `--stream` and `--code`."""
    code = option("--code", type=_TEXT, metavar="CODE", help="only records that were refused for this reason")
    stream = option("--stream", type=_TEXT, metavar="NAME", help="only records of this stream, like datasync.events")
    return stream(code(function))


def since_option(function: F) -> F:
    """Add `--since`."""
    text = "only records quarantined since then: 15m, 24h, 7d, or an ISO 8601 instant with a zone"
    return option("--since", type=_Since(), metavar="TIME", help=text)(function)


def json_option(text: str) -> Callable[[F], F]:
    """Add `--json`, which gives what `text` says."""
    return option("--json", "as_json", is_flag=True, help=text)


def read(env_file: Path | None, use: Callable[[Connection, Masker], Coroutine[Any, Any, None]]) -> None:
    """See `database.read`; what goes wrong is reported in the form of a run's log."""
    database.read(env_file, use, plain=False)
