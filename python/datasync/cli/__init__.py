"""The command line: one file per command."""

import click

from datasync import __version__
from datasync.cli.demo import demo
from datasync.cli.group import PluginGroup
from datasync.cli.ingest import ingest
from datasync.cli.plugins import plugins
from datasync.cli.quarantine import quarantine
from datasync.cli.simulate import simulate


@click.group(cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="datasync")
def main() -> None:
    """Get a rate-limited REST API into PostgreSQL, fast and exactly once."""


main.add_command(ingest)
main.add_command(demo)
main.add_command(simulate)
main.add_command(quarantine)
main.add_command(plugins)
