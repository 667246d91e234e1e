"""`datasync ingest`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datasync import app, envvars, failpoints, loop
from datasync.cli import configured
from datasync.cli.command import Command
from datasync.cli.ending import ended, report
from datasync.cli.options import (
    config_option,
    endpoint_option,
    env_file_option,
    loaded,
    option,
    plugin_option,
    transform_option,
)
from datasync.cli.streams import printing_aside
from datasync.cli.summary import Summary
from datasync.config.schema import MAX_PARTITIONS
from datasync.errors import ConfigError
from datasync.observe.progress import LogProgress
from datasync.plugins import Plugins
from datasync.sinks.jsonl.sink import pours

if TYPE_CHECKING:
    from datasync.observe.live import TerminalProgress

EPILOG = f"""
\b
Environment (or .env), besides the variables of options; without a configuration the first three are needed:
  {envvars.DATABASE_URL}   postgresql://user:password@host:5432/database
  {envvars.API_BASE_URL}   the API's root, like https://api.example.com/api/v1
  {envvars.API_KEY}        the key, sent as X-API-Key
  {envvars.ACCESS_HEADERS}   JSON object of headers for the request for a token
"""


@click.command(
    cls=Command,
    epilog=EPILOG,
    examples={
        "datasync ingest": "read on where the last run stopped",
        "datasync ingest --config shop.toml --endpoint orders": "one endpoint of a configuration, and its parents",
        "datasync ingest --json > summary.json": "with the summary as JSON on standard output",
        "datasync ingest --plugin mine.py --transform lowercase-name": "change each record on its way",
        "datasync ingest --restart": "read everything again; rows that are there stay",
    },
    exits={
        0: "complete",
        1: "ended with something left, run again to go on",
        2: "could not run, nothing was written",
        129: "stopped by SIGHUP after a checkpoint",
        130: "stopped by Ctrl-C after a checkpoint",
        143: "stopped by SIGTERM after a checkpoint",
    },
)
@config_option
@endpoint_option(
    help="read this one of the configuration alone; without one `datasync` (the list, which is the default),"
    " `datasync-feed`, or one of a plugin's",
)
@transform_option(help="change each record in Python before it is stored; may be given several times, applied in order")
@plugin_option(help="load a plugin from a .py file; may be given several times")
@env_file_option
@loaded(
    envvars.RETRY_FOR,
    "--retry-for",
    metavar="SECONDS",
    help="ask a failing API again for this long, then end the run at its checkpoint; 900 unless told",
)
@loaded(
    envvars.MAX_WAIT,
    "--max-wait",
    metavar="SECONDS",
    help="wait this long for the rate limit, else end the run and say until when; 900 unless told, inf for any wait",
)
@loaded(
    envvars.CONCURRENCY,
    "--concurrency",
    type=click.Choice(["adaptive", "seed"]),
    help="requests in flight: as many as make it faster (adaptive), or by fixed rules (seed)",
)
@loaded(
    envvars.SHARED_LIMIT,
    "--shared-limit",
    is_flag=True,
    help="share the rate limit with the other runs that use this key and this database",
)
@loaded(
    envvars.PARTITIONS,
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    help="chains read side by side, where the endpoint takes windows of time or has a parent",
)
@loaded(
    envvars.ON_CONFLICT,
    "--on-conflict",
    metavar="RULE",
    help="where a key is in the table already: nothing (the default), update, update_if_changed,"
    " or update_if_newer:COLUMN",
)
@loaded(
    envvars.DIRECT,
    "--no-direct",
    is_flag=True,
    help="PostgreSQL: never COPY straight into the table, always by way of staging; the variable says it with 0",
)
@loaded(
    envvars.DURABLE,
    "--durable",
    is_flag=True,
    help="PostgreSQL: have every commit wait for the server's disk, not the last one alone; other sinks always do",
)
@loaded(
    envvars.WAIT, "--wait", is_flag=True, help="wait while another run of the same stream goes on, instead of ending"
)
@loaded(
    envvars.MAX_REJECTS,
    "--max-rejects",
    metavar="SHARE",
    help="end the run once ten records and more than this share went to quarantine; 0.001 unless told, 1 never",
)
@loaded(
    envvars.MEMORY,
    "--memory",
    metavar="SIZE",
    help="what pages may take of memory, from their arrival until they are stored, like 512MiB; 256MiB unless told",
)
@option(
    envvars.RESTART, "--restart", is_flag=True, help="read from the beginning; rows that are there stay as they are"
)
@option(
    f"{envvars.INGEST}JSON",
    "--json",
    "as_json",
    is_flag=True,
    help="write the summary to standard output as a JSON object when the run ends, however it does",
)
def ingest(
    config: Path | None,
    endpoint: str | None,
    transforms: tuple[str, ...],
    plugins: tuple[Path, ...],
    env_file: Path | None,
    retry_for: str | None,
    max_wait: str | None,
    concurrency: str | None,
    shared_limit: bool,
    partitions: int | None,
    on_conflict: str | None,
    no_direct: bool,
    durable: bool,
    wait: bool,
    max_rejects: str | None,
    memory: str | None,
    restart: bool,
    as_json: bool,
) -> None:
    """Read an API to its end into PostgreSQL or another sink, going on where the last run stopped.

    What is read and where it goes is told by a configuration; without one it is the DataSync API, into PostgreSQL.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    summary = Summary()
    with ended(plain=False, before=summary.write if as_json else None), printing_aside():
        failpoints.arm(os.environ.get(envvars.FAILPOINTS, ""))
        runs = configured.runs(
            config,
            env_file,
            endpoint=endpoint,
            transforms=transforms,
            restart=restart,
            retry_for=retry_for,
            max_wait=max_wait,
            concurrency=concurrency,
            shared_limit=shared_limit,
            partitions=partitions,
            on_conflict=on_conflict,
            direct=not no_direct,
            durable=durable,
            wait=wait,
            max_rejects=max_rejects,
            memory=memory,
        )
        report(runs[0].mask, plain=False)
        summary.begin(runs)
        if as_json and any(pours(settings) for settings in runs):
            raise ConfigError(
                "the rows go to standard output, and so would the summary of --json",
                hint="leave --json out, since the log has the figures, too; or name a folder under [sink]",
            )
        configured.find_functions_here()
        offered = Plugins(plugins)
        with _live() if terminal else LogProgress() as progress:
            offered.manager.register(progress, "progress")
            offered.manager.register(summary, "summary")
            loop.run(app.ingest_all(runs, offered))


def _live() -> "TerminalProgress":
    from datasync.observe.live import TerminalProgress  # noqa: PLC0415  # draws with rich, a fifth of a start

    return TerminalProgress()
