"""The group of all commands: ours, and those that plugins add."""

import os
import signal
import sys
from functools import cached_property
from typing import Any

import click

from datasync.cli.command import EXIT_CTRL_C
from datasync.cli.lazy import LazyGroup
from datasync.cli.without_rich import without_rich


class PluginGroup(LazyGroup):
    """Looks at plugins only where none of our own commands is meant: `datasync ingest` loads them by itself."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """See click. A help or a version that can't be written is an error in words, with 2."""
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            click.echo(f"error: can't write `standard output`: {error.strerror or error}", err=True)
            click.echo("hint: is there room, and may this user write there?", err=True)
            # What is left in its buffer would fail once more at the end of the process, and change the exit code.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(2)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click.Group."""
        return super().get_command(ctx, cmd_name) or self._added.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click.Group. The command is imported then, and may have to clean up after a Ctrl-C."""
        found = super().resolve_command(ctx, args)
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see `datasync.__main__`
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """See click.Group, which would end with 1 after a Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(EXIT_CTRL_C)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click.Group. Ours come first."""
        return [*super().list_commands(ctx), *self._added]

    @cached_property
    def _added(self) -> dict[str, click.Command]:
        from importlib.metadata import entry_points  # noqa: PLC0415  # 30 ms, a third of `datasync --version`

        if not entry_points(group="datasync"):  # looking is cheap, loading the built-in ones is not
            return {}
        with without_rich():
            from datasync.cli import plugin_commands  # noqa: PLC0415  # imports half of everything

        return plugin_commands.load(self.commands)
