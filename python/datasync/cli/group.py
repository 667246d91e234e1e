"""The group of all commands: ours, and those that plugins add."""

from functools import cached_property

import click

from datasync.cli.lazy import LazyGroup
from datasync.cli.without_rich import without_rich


class PluginGroup(LazyGroup):
    """Looks at plugins only where none of our own commands is meant: `datasync ingest` loads them by itself."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click.Group."""
        return super().get_command(ctx, cmd_name) or self._added.get(cmd_name)

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
