"""The commands that plugins add."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
import structlog

from datasync import envvars
from datasync.config import Masker, Secret, variables
from datasync.errors import ConfigError, DatasyncError, PluginError
from datasync.observe import log
from datasync.plugins import Plugins, blamed


def load(ours: Mapping[str, click.Command]) -> dict[str, click.Command]:
    """Give the commands of all installed plugins; what is wrong with one is a warning."""
    log.configure(terminal=sys.stderr is not None and sys.stderr.isatty(), mask=known_secrets())
    try:
        return added(Plugins(), ours)
    except DatasyncError as error:
        _warn(error)
        return {}


def known_secrets() -> Masker:
    """Give what masks the secrets of the environment and of `.env`, for texts of plugins where no run has settings."""
    found: dict[str, str] = {}
    with suppress(ConfigError):  # a file that can't be read is the business of who needs it
        found |= variables(None)
    found |= os.environ
    names = (envvars.DATABASE_URL, envvars.API_KEY)
    return Masker([Secret(found[name].strip(), source=name) for name in names if name in found])


def added(plugins: Plugins, ours: Mapping[str, click.Command]) -> dict[str, click.Command]:
    """Give the commands that plugins add to `ours`, by name. A plugin that fails adds none, and is warned of."""
    found: dict[str, click.Command] = {}
    for name, register in plugins.callers("register_commands"):
        # A group of its own: whatever it does to that, the others' commands stay as they are.
        cli = click.Group("datasync")
        try:
            with blamed(f"register_commands of `{name}`"):
                register(cli=cli)
            if taken := cli.commands.keys() & (ours.keys() | found.keys()):
                raise PluginError(
                    f"register_commands of `{name}`: {', '.join(f'`{one}`' for one in sorted(taken))} is there already",
                    hint="let the plugin give its command another name",
                )
        except DatasyncError as error:
            _warn(error)
        else:
            found |= cli.commands
    return found


def _warn(error: DatasyncError) -> None:
    hint: dict[str, Any] = {} if error.hint is None else {"hint": error.hint}
    structlog.get_logger().warning("a plugin is left out", reason=str(error), **hint)
