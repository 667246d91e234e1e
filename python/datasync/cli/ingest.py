"""`datasync ingest`."""

import os
import sys
from pathlib import Path

import click
import structlog
from rich.console import Console

from datasync import app, envvars, failpoints, loop
from datasync.cli.streams import hold_standard_streams
from datasync.config import Masker, load
from datasync.config.schema import MAX_PARTITIONS
from datasync.errors import DatasyncError, Interrupted
from datasync.observe import log
from datasync.observe.progress import LogProgress, Terminal, TerminalProgress
from datasync.plugins import Plugins

EPILOG = f"""
\b
Environment (or .env):
  {envvars.DATABASE_URL}   postgresql://user:password@host:5432/database
  {envvars.API_BASE_URL}   the API's root, like https://api.example.com/api/v1
  {envvars.API_KEY}        the key, sent as X-API-Key
  {envvars.RETRY_FOR}   like --retry-for
  {envvars.MAX_WAIT}    like --max-wait
  {envvars.CONCURRENCY} like --concurrency
  {envvars.SHARED_LIMIT} 1 is like --shared-limit
  {envvars.MAX_REJECTS} like --max-rejects
  {envvars.MEMORY}      like --memory
  {envvars.ENDPOINT}    like --endpoint
  {envvars.ON_CONFLICT} like --on-conflict
  {envvars.DIRECT}      0 is like --no-direct
  {envvars.DURABLE}     1 is like --durable
  {envvars.WAIT}        1 is like --wait
  {envvars.ACCESS_HEADERS}   JSON object of headers for the request for a token

\b
Exit codes: 0 complete; 1 ended with something left, run again to go on;
2 could not run, nothing was written; 129, 130 or 143 interrupted after a checkpoint.
"""


@click.command(epilog=EPILOG)
@click.option(
    "--endpoint",
    metavar="NAME",
    help="what to read: `datasync` (the list, which is the default), `datasync-feed`, or one of a plugin's",
)
@click.option(
    "--transform",
    "transforms",
    multiple=True,
    metavar="NAME|MODULE:FUNCTION",
    help="change each record in Python before it is stored; may be given several times, applied in order",
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="load a plugin from a .py file; may be given several times",
)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="read variables from this file instead of .env",
)
@click.option(
    "--retry-for",
    metavar="SECONDS",
    help="ask a failing API again for this long, then end the run at its checkpoint; 900 unless told",
)
@click.option(
    "--max-wait",
    metavar="SECONDS",
    help="wait this long for the rate limit, else end the run and say until when; 900 unless told, inf for any wait",
)
@click.option(
    "--concurrency",
    type=click.Choice(["adaptive", "seed"]),
    help="requests in flight: as many as make it faster (adaptive), or by fixed rules (seed)",
)
@click.option(
    "--shared-limit",
    is_flag=True,
    help="share the rate limit with the other runs that use this key and this database",
)
@click.option(
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    help=f"chains read side by side, where the endpoint takes windows of time (or {envvars.PARTITIONS})",
)
@click.option(
    "--on-conflict",
    metavar="RULE",
    help="where a key is in the table already: nothing (the default), update, update_if_changed,"
    " or update_if_newer:COLUMN",
)
@click.option("--no-direct", is_flag=True, help="never COPY straight into the table, always by way of staging")
@click.option("--durable", is_flag=True, help="have every commit wait for the server's disk, not the last one alone")
@click.option("--wait", is_flag=True, help="wait while another run of the same stream goes on, instead of ending")
@click.option(
    "--max-rejects",
    metavar="SHARE",
    help="end the run once ten records and more than this share went to quarantine; 0.001 unless told, 1 never",
)
@click.option(
    "--memory",
    metavar="SIZE",
    help="what pages may take of memory, from their arrival until they are stored, like 512MiB; 256MiB unless told",
)
@click.option("--restart", is_flag=True, help="read from the beginning; rows that are there stay as they are")
def ingest(
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
) -> None:
    """Read the API to its end into PostgreSQL, going on where the last run stopped."""
    hold_standard_streams()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    log.configure(terminal=terminal, mask=Masker())
    code = 0
    try:
        failpoints.arm(os.environ.get(envvars.FAILPOINTS, ""))
        settings = load(
            os.environ,
            env_file=env_file,
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
        log.configure(terminal=terminal, mask=settings.mask)
        # For `module:function`: the console script has its own folder in the path, not the one it is called from.
        sys.path.append(str(Path.cwd()))
        loaded = Plugins(plugins)
        console = Console(file=Terminal())  # type: ignore[arg-type]  # it writes, and asks what it is
        with TerminalProgress(console) if terminal else LogProgress() as progress:
            loaded.manager.register(progress, "progress")
            loop.run(app.ingest(settings, loaded))
    except Interrupted as stopped:
        code = stopped.exit_code  # it was reported
    except DatasyncError as error:
        code = error.exit_code
        structlog.get_logger().error(str(error), code=error.code, **({"hint": error.hint} if error.hint else {}))
    except BaseException as error:  # noqa: BLE001 - the last line of defence, for secrets in a traceback too
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        structlog.get_logger().exception("internal error", code="internal")
    if code:
        # At once: a transform that hangs in its thread would keep the process for ever.
        os._exit(code)
