"""`datasync quarantine export`."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.options import env_file_option
from datasync.cli.quarantine_common import option, read, since_option, stream_and_code
from datasync.cli.show import concealed, exported, json_line
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.errors import ConfigError
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import quarantined
from datasync.sinks.postgres.quarantined import Chosen


@click.command(
    cls=Command,
    examples={
        "datasync quarantine export --output rejects.jsonl": "all of it into a file",
        "datasync quarantine export --code timestamp_invalid --format raw": "the records alone, of one reason",
    },
    exits=DONE | SETUP | STOPPED,
)
@stream_and_code
@since_option
@option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "raw"]),
    default="jsonl",
    show_default=True,
    help="a JSON object on each line, or the records themselves, one on each line",
)
@option("--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="a file instead of standard output")
@env_file_option
def export(
    stream: str | None,
    code: str | None,
    since: datetime | timedelta | None,
    form: Literal["jsonl", "raw"],
    file: Path | None,
    env_file: Path | None,
) -> None:
    """Write records in quarantine out, the oldest first. They stay where they are."""
    chosen = Chosen(stream=stream, code=code, since=since)

    async def use(connection: Connection, mask: Masker) -> None:
        # One view of all pieces, whatever runs meanwhile.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            there = await quarantined.exists(connection)
            if there and form == "raw" and (id := await quarantined.with_a_line_break(connection, chosen)) is not None:
                raise ConfigError(
                    f"the record {id} has a line break in it: one record on each line can't hold it",
                    hint="leave --format raw out, or choose other records",
                )
            with output(file) as out:
                if not there:
                    return
                async for rows in quarantined.pieces(connection, chosen):
                    for row in rows:
                        line = row["raw"] if form == "raw" else json_line(exported(concealed(dict(row), mask))).encode()
                        out.write(line + b"\n")

    read(env_file, use)
