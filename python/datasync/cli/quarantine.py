"""`datasync quarantine`: what is in quarantine, and how it gets out. Each command has a file of its own."""

import click

from datasync.cli.command import Group
from datasync.cli.quarantine_export import export
from datasync.cli.quarantine_list import list_
from datasync.cli.quarantine_replay import replay
from datasync.cli.quarantine_show import show


@click.group(
    cls=Group,
    examples={
        "datasync quarantine list --summary": "what is there, by stream and reason",
        "datasync quarantine replay --all --dry-run": "what would be stored by now",
    },
)
def quarantine() -> None:
    """Look at the records that couldn't be stored, take them along, and try them again."""


for command in (list_, show, export, replay):
    quarantine.add_command(command)
