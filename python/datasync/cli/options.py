"""Options, each with a variable that says the same and that the help names."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from datasync import envvars
from datasync.cli import typos
from datasync.config import variables
from datasync.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])


class Text(click.ParamType[str]):
    """Text that a database can be asked for: UTF-8."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See click."""
        try:
            str(value).encode()
        except UnicodeEncodeError:
            shown = str(value).encode("utf-8", "backslashreplace").decode()
            self.fail(f"`{shown}` is no text in UTF-8", param, ctx)
        return str(value)


class _Named(click.Option):
    """An option whose variable `config.overrides` reads: the help names it, and click leaves it alone."""

    def value_from_envvar(self, ctx: click.Context) -> None:
        """See click."""


class Seconds(click.FloatRange):
    """A number of seconds from 0 on; infinitely many only where `endless`."""

    def __init__(self, *, endless: bool = False) -> None:
        """Take whether `inf` will do."""
        super().__init__(0)
        self._endless = endless

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See click."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds) or (math.isinf(seconds) and not self._endless):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


def option(variable: str, *names: str, **how: Any) -> Callable[[F], F]:
    """Give an option that `variable` sets, too; in `.env` as well if the command has `--env-file`."""
    return click.option(*names, envvar=variable, show_envvar=True, **how)


def loaded(variable: str, *names: str, **how: Any) -> Callable[[F], F]:
    """Give an option that is handed to `config.overrides`, which reads the `variable`."""
    return click.option(*names, cls=_Named, envvar=variable, show_envvar=True, **how)


def of(prefix: str) -> Callable[..., Callable[[F], F]]:
    """Give what makes a command's options: each variable is `prefix` and the option's first name."""

    def named(name: str, *more: str, **how: Any) -> Callable[[F], F]:
        return option(prefix + name.removeprefix("--").replace("-", "_").upper(), name, *more, **how)

    return named


def env_file_option(function: F) -> F:
    """Add `--env-file`."""
    return option(
        envvars.ENV_FILE,
        "--env-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        is_eager=True,
        callback=_take_variables,
        help="file of NAME=value lines; `.env` here, unless told",
    )(function)


def config_option(function: F) -> F:
    """Add `--config`."""
    return loaded(
        envvars.CONFIG,
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_given,
        help="configuration to read; unless told `datasync.toml`, if it is here",
    )(function)


def _given(_context: click.Context, _parameter: click.Parameter, config: Path | None) -> Path | None:
    if config == Path():  # a folder that is named is refused before
        raise click.BadParameter("is empty: name a file, or leave it out")
    return config


def endpoint_option(*, help: str) -> Callable[[F], F]:
    """Give `--endpoint`."""
    return loaded(envvars.ENDPOINT, "--endpoint", metavar="NAME", help=help)


def transform_option(*, help: str) -> Callable[[F], F]:
    """Give `--transform`, which is called `transforms`."""
    names = ("--transform", "transforms")
    return option(envvars.TRANSFORM, *names, multiple=True, metavar="NAME|MODULE:FUNCTION", help=help)


def plugin_option(*, help: str) -> Callable[[F], F]:
    """Give `--plugin`, which is called `plugins`."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    return option(envvars.PLUGIN, "--plugin", "plugins", multiple=True, type=file, help=help)


def _take_variables(context: click.Context, _parameter: click.Parameter, env_file: Path | None) -> Path | None:
    try:
        found = variables(env_file)
    except ConfigError as error:
        raise click.UsageError(f"{error}; {error.hint}" if error.hint else str(error)) from error
    typos.refuse(context.command, list(found))
    context.default_map = {
        parameter.name: _split(parameter, found[parameter.envvar])
        for parameter in context.command.params
        if parameter.name
        and isinstance(parameter.envvar, str)
        and parameter.envvar in found
        and not isinstance(parameter, _Named)
    }
    return env_file


def _split(parameter: click.Parameter, value: str) -> Any:
    multiple = isinstance(parameter, click.Option) and parameter.multiple
    return parameter.type.split_envvar_value(value) if multiple else value
