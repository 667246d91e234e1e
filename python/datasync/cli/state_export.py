"""`datasync state export`."""

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from datasync.cli import database
from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.options import env_file_option
from datasync.cli.state_common import VERSION, Export, known, option
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import streams


@click.command(
    cls=Command,
    examples={
        "datasync state export": "to standard output",
        "datasync state export --output state.json": "to a file, which is there whole or not at all",
        "datasync state show datasync.events --file state.json": "look into it later",
    },
    exits=DONE | SETUP | STOPPED,
)
@option("--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="a file instead of standard output")
@env_file_option
def export(file: Path | None, env_file: Path | None) -> None:
    """Write all that is known of all streams as one JSON document. Changes nothing.

    Nothing reads it back into a database: a checkpoint is true of the rows beside it alone.
    """

    async def use(connection: Connection, _mask: Masker) -> None:
        # One view of all of them, whatever runs meanwhile.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = [await known(connection, stream) for stream in await streams.read(connection)]
        exported = Export(version=VERSION, exported_at=datetime.now(UTC), streams=found)
        with output(file) as out:
            out.write(msgspec.json.format(msgspec.json.encode(exported)) + b"\n")

    database.read(env_file, use)
