"""`datasync quarantine show`."""

from pathlib import Path

import click

from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.options import env_file_option
from datasync.cli.quarantine_common import ID, json_option, option, read
from datasync.cli.show import concealed, exported, json_line, record
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.errors import NotQuarantined
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import quarantined


@click.command(
    cls=Command,
    examples={
        "datasync quarantine show 17": "everything about a record",
        "datasync quarantine show 17 --raw > record": "its exact bytes alone",
    },
    exits=DONE | SETUP | STOPPED,
)
@click.argument("id", type=ID)
@option("--raw", is_flag=True, help="the exact bytes of the record, and nothing else")
@json_option("one JSON object, as in an export")
@env_file_option
def show(id: int, raw: bool, as_json: bool, env_file: Path | None) -> None:
    """Show everything about the record ID: as text if it is UTF-8, else as a hex dump."""
    if raw and as_json:
        raise click.UsageError("choose --raw or --json")

    async def use(connection: Connection, mask: Masker) -> None:
        row = await quarantined.one(connection, id) if await quarantined.exists(connection) else None
        if row is None:
            raise NotQuarantined(f"not in quarantine: {id}", hint="`datasync quarantine list` shows what is")
        with output(None) as out:
            if raw:
                out.write(row["raw"])
            elif as_json:
                out.write(json_line(exported(concealed(dict(row), mask))).encode() + b"\n")
            else:
                out.writelines(line.encode() + b"\n" for line in record(concealed(dict(row), mask), mask))

    read(env_file, use)
