"""`datasync quarantine list`."""

from datetime import datetime, timedelta
from pathlib import Path

import click
import structlog

from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.options import env_file_option
from datasync.cli.quarantine_common import json_option, option, read, since_option, stream_and_code
from datasync.cli.show import concealed, json_line, table
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import quarantined
from datasync.sinks.postgres.quarantined import Chosen

COLUMNS = {
    "id": "ID",
    "quarantined_at": "TIME",
    "stream": "STREAM",
    "code": "CODE",
    "bytes": "BYTES",
    "detail": "DETAIL",
}
SUMMARY_COLUMNS = {"records": "RECORDS", "stream": "STREAM", "code": "CODE", "first": "FIRST", "last": "LAST"}


@click.command(
    "list",
    cls=Command,
    examples={
        "datasync quarantine list": "the latest records",
        "datasync quarantine list --summary": "how many of each stream and reason",
        "datasync quarantine list --stream datasync.events --since 24h --json": "one stream's of a day, as JSON",
    },
    exits=DONE | SETUP | STOPPED,
)
@stream_and_code
@since_option
@option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="so many records at most")
@option("--summary", is_flag=True, help="count by stream and code instead")
@json_option("one JSON object on each line")
@env_file_option
def list_(
    stream: str | None,
    code: str | None,
    since: datetime | timedelta | None,
    limit: int,
    summary: bool,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """List the records in quarantine, the latest first."""
    chosen = Chosen(stream=stream, code=code, since=since)

    async def use(connection: Connection, mask: Masker) -> None:
        if not await quarantined.exists(connection):
            rows = []
        elif summary:
            rows = [dict(row) for row in await quarantined.summary(connection, chosen)]
        else:
            rows = [concealed(dict(row), mask) for row in await quarantined.newest(connection, chosen, limit)]
        if not rows:
            structlog.get_logger().info("nothing in quarantine, or nothing that was asked for")
            return
        columns = SUMMARY_COLUMNS if summary else COLUMNS
        lines = map(json_line, rows) if as_json else table(rows, columns)
        with output(None) as out:
            for line in lines:
                out.write(line.encode() + b"\n")

    read(env_file, use)
