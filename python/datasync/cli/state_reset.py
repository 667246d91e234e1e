"""`datasync state reset`."""

from pathlib import Path

import click

from datasync.cli import database
from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.options import env_file_option
from datasync.cli.show import json_line, visible
from datasync.cli.state_common import option
from datasync.cli.status_text import line
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.errors import ConfigError
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import forget
from datasync.sinks.postgres.forget import Forgotten


@click.command(
    cls=Command,
    examples={
        "datasync state reset datasync.events": "ask, then forget how far the stream has come",
        "datasync state reset datasync.events --yes": "without asking",
    },
    exits=DONE | SETUP | STOPPED,
)
@click.argument("stream")
@option("--yes", is_flag=True, help="don't ask")
@option("--json", "as_json", is_flag=True, help="say what was done as a JSON object")
@env_file_option
def reset(stream: str, yes: bool, as_json: bool, env_file: Path | None) -> None:
    """Forget the checkpoint and the counters of STREAM: its next run reads from the beginning.

    Its rows stay in the table, and its records in quarantine. Refused while a run goes on; one that isn't seen, as
    behind a pooler, can't commit any more.
    """

    async def use(connection: Connection, _mask: Masker) -> None:
        before = await forget.find(connection, stream)
        if not yes:
            click.echo(visible(line(before)), err=True)
            _ask(stream)
        done = await forget.forget(connection, stream)
        with output(None) as out:
            out.write((json_line(_values(done)) if as_json else visible(_words(done), keep="\n")).encode() + b"\n")

    database.read(env_file, use)


def _ask(stream: str) -> None:
    try:
        agreed = click.confirm(f"forget the checkpoint of {visible(stream)}?", err=True)
    except click.Abort:  # nobody is there to answer
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise ConfigError("not confirmed: nothing was changed", hint="answer y, or give --yes")


def _values(done: Forgotten) -> dict[str, object]:
    before = done.before
    return {
        "stream": before.stream,
        "table": before.table,
        "rows_kept": before.rows,
        "served_forgotten": before.served,
        "partitions_forgotten": before.partitions,
        "epoch_before": before.epoch,
        "epoch": done.epoch,
    }


def _words(done: Forgotten) -> str:
    before = done.before
    places = "the place" if before.partitions == 1 else f"the places of {before.partitions} partitions"
    return (
        f"{before.stream}: forgot {places} and the counts of {before.served:,} records\n"
        f"epoch {before.epoch} is over, {done.epoch} has begun: no earlier run can write any more\n"
        f"{before.rows:,} rows stay in {before.table}, and the next run reads from the beginning"
    )
