"""`datasync status`."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import structlog

from datasync import envvars
from datasync.cli import database, options
from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.options import env_file_option
from datasync.cli.show import json_line, table
from datasync.cli.status_text import COLUMNS, cells
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import forget, streams
from datasync.sinks.postgres.streams import Stream

option = options.of(envvars.STATUS)


@click.command(
    cls=Command,
    examples={
        "datasync status": "how far each stream has come",
        "datasync status --watch": "the same, each second until Ctrl-C",
        "datasync status --stream datasync.events --json": "one stream, for programs",
    },
    exits=DONE | SETUP | STOPPED | {130: "stopped by Ctrl-C; with --watch that is 0"},
)
@option("--stream", metavar="NAME", help="only this stream, like datasync.events")
@option("--watch", "watching", is_flag=True, help="go on until Ctrl-C; elsewhere than on a terminal a line per change")
@option("--json", "as_json", is_flag=True, help="one JSON object on each line")
@env_file_option
def status(stream: str | None, watching: bool, as_json: bool, env_file: Path | None) -> None:
    """Show how far the streams in the database have come. Changes nothing, and needs DATABASE_URL alone.

    A stream that a run holds at the moment is marked as running; behind a pooler that can't be seen.
    """

    async def use(connection: Connection, _mask: Masker) -> None:
        if stream is not None and not watching:
            found: Sequence[Stream] = [await forget.find(connection, stream)]
        elif watching:
            from datasync.cli import watch  # noqa: PLC0415  # draws with rich, a third of a start

            await watch.streams(lambda: streams.read(connection, stream), as_json=as_json)
            return
        else:
            found = await streams.read(connection)
        if not found:
            structlog.get_logger().info("no streams in this database: nothing was ever stored here")
            return
        rows = map(msgspec.structs.asdict, found)
        lines = map(json_line, rows) if as_json else table([*map(cells, found)], COLUMNS)
        with output(None) as out:
            out.writelines(line.encode() + b"\n" for line in lines)

    database.read(env_file, use)
