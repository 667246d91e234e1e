"""Commands whose help leads with examples and ends with what the exit codes mean."""

import os
from collections.abc import Mapping
from typing import Any, Final

import click

from datasync.cli import typos

WIDTH: Final = 110
"""Columns of the help at most. Options with their variables are hard to read in click's 80."""

DONE: Final = {0: "done"}
SETUP: Final = {2: "could not run, and changed nothing"}
EXIT_CTRL_C: Final = 130
STOPPED: Final = {EXIT_CTRL_C: "stopped by Ctrl-C", 143: "stopped by SIGTERM"}


class _Documented(click.Command):
    def __init__(
        self, *arguments: Any, examples: Mapping[str, str], exits: Mapping[int, str] | None = None, **options: Any
    ) -> None:
        """Take the `examples`, each with what it does, and what the exit codes mean; the rest is click's."""
        super().__init__(*arguments, **options)
        self.examples = examples
        self.exits = exits or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click."""
        with formatter.section("Examples"):
            for command, does in self.examples.items():
                pad = " " * formatter.current_indent
                formatter.write(f"{pad}# {does}\n{pad}{command}\n")
        super().format_options(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click."""
        super().format_epilog(ctx, formatter)
        if self.exits:
            with formatter.section("Exit codes"):
                formatter.write_dl([(str(code), meaning) for code, meaning in self.exits.items()])


class Command(_Documented):
    """A command with examples and exit codes: `@click.command(cls=Command, examples=.., exits=..)`."""

    def invoke(self, ctx: click.Context) -> Any:
        """See click. Refuses a variable whose name is almost that of an option's."""
        typos.refuse(self, list(os.environ))
        return super().invoke(ctx)


class Group(_Documented, click.Group):
    """A group of commands with examples."""
