"""`datasync state`: the checkpoints of the streams. Each command has a file of its own."""

import click

from datasync.cli.command import Group
from datasync.cli.state_export import export
from datasync.cli.state_reset import reset
from datasync.cli.state_show import show


@click.group(
    cls=Group,
    examples={
        "datasync state show datasync.events": "everything about a stream",
        "datasync state reset datasync.events": "have the next run read it from the beginning",
        "datasync state export --output state.json": "keep what is known of all streams",
    },
)
def state() -> None:
    """Look at checkpoints, keep a copy, or forget one."""


for command in (show, reset, export):
    state.add_command(command)
