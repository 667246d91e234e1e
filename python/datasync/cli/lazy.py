"""A group whose commands are imported when they are run, so that the others cost nothing."""

import gc
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from datasync.cli.without_rich import without_rich


class Lazy(NamedTuple):
    """A command that isn't imported yet.

    Attributes:
        path: `module:attribute`.
        help: its short help, which the group's help shows.
    """

    path: str
    help: str

    def load(self) -> click.Command:
        """Import it."""
        module, _, attribute = self.path.partition(":")
        # What an import makes is there to stay. To look for garbage in it, now, later and at the end, would be a fifth
        # of a start.
        gc.disable()
        try:
            with without_rich():
                command: click.Command = getattr(import_module(module), attribute)
        finally:
            gc.freeze()
            gc.enable()
        return command


class _Commands(MutableMapping[str, click.Command]):
    """Commands by name, imported when they are looked up."""

    def __init__(self, lazy: Mapping[str, Lazy]) -> None:
        self.lazy = lazy
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            self._loaded[name] = self.lazy[name].load()
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.lazy, *self._loaded]))

    def __len__(self) -> int:
        return len({*self.lazy, *self._loaded})

    def __contains__(self, name: object) -> bool:
        return name in self.lazy or name in self._loaded


class LazyGroup(click.Group):
    """Lists its commands in the order in which they are given, and imports the one that is run."""

    def __init__(self, name: str, *, lazy: Mapping[str, Lazy], **options: Any) -> None:
        """Take the commands by their names, `lazy`; the rest is click's."""
        super().__init__(name, _Commands(lazy), **options)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """See click."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._help(name)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """See click."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=self._help(name)) for name in names), *options]

    def _help(self, name: str) -> str:
        return self._lazy[name].help if name in self._lazy else self._short(name)

    def _short(self, name: str) -> str:
        command = self.get_command(click.Context(self), name)
        return "" if command is None else command.get_short_help_str()
