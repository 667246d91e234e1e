"""The command line: one file per command, imported when it is run."""

from typing import Final

import click

from datasync import __version__
from datasync.cli.group import PluginGroup
from datasync.cli.lazy import Lazy

COMMANDS: Final = {
    "init": Lazy("datasync.cli.init:init", "Find out how an API is read, and write a datasync.toml."),
    "plan": Lazy("datasync.cli.plan:plan_", "Say what `ingest` would do."),
    "ingest": Lazy("datasync.cli.ingest:ingest", "Read an API to its end into PostgreSQL or another sink."),
    "status": Lazy("datasync.cli.status:status", "Show how far the streams in the database have come."),
    "check": Lazy("datasync.cli.check:check", "Look for what could keep a run from starting."),
    "state": Lazy("datasync.cli.state:state", "Look at checkpoints, keep a copy, or forget one."),
    "quarantine": Lazy("datasync.cli.quarantine:quarantine", "Look at the records that couldn't be stored."),
    "plugins": Lazy("datasync.cli.plugins:plugins", "List the plugins, what they offer, and what is wrong with them."),
    "config": Lazy("datasync.cli.config:config", "Show the configuration, or its JSON Schema."),
    "demo": Lazy("datasync.cli.demo:demo", "Ingest a simulated API into an embedded PostgreSQL."),
    "simulate": Lazy("datasync.cli.simulate:simulate", "Serve the simulated DataSync API on loopback."),
    "completion": Lazy("datasync.cli.completion:completion", "Print the script that completes commands."),
}


@click.group(
    cls=PluginGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="datasync")
def main() -> None:
    """Get a rate-limited REST API into PostgreSQL, fast and exactly once."""
