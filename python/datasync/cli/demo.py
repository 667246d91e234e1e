"""`datasync demo`: the main job on components of its own."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import click

from datasync import envvars
from datasync.cli import options
from datasync.cli.command import STOPPED, Command
from datasync.cli.ending import ended
from datasync.errors import ConfigError

API_KEY = "demo-key"

option = options.of(envvars.DEMO)


@click.command(
    cls=Command,
    examples={"datasync demo": "200,000 events", "datasync demo --events 1000": "a short one"},
    exits={0: "the run was complete", 1: "it was not", 2: "the extra is missing"} | STOPPED,
)
@option("--events", default=200_000, type=click.IntRange(0), show_default=True, help="records the simulated API has")
def demo(events: int) -> None:
    """Ingest a simulated API into an embedded PostgreSQL, show the result, and stop everything.

    Needs the extra: pip install 'datasync[demo]'.
    """
    with ended():
        code = _demo(events)
    sys.exit(code)


def _demo(events: int) -> int:
    try:
        # Only here: an installation without the extra has neither. The server runs in a child, but is looked for here.
        import datasync.simulator.server  # noqa: F401, PLC0415 - see above
        from datasync.simulator import SimulatorOptions, SimulatorProcess  # noqa: PLC0415 - see above
        from datasync.testing import EmbeddedPostgres  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError(f"the demo needs `{error.name}`", hint="pip install 'datasync[demo]'") from error
    logs = Path(tempfile.mkdtemp(prefix="datasync-demo-"))
    # 20 requests per 2 s: a limit one can watch at work without waiting for it.
    options = SimulatorOptions(count=events, api_key=API_KEY, rate_limit="20/2")
    click.echo(f"starting PostgreSQL and the simulated API ({events:,} events, at most 20 requests in 2 s) ...")
    with EmbeddedPostgres() as postgres, SimulatorProcess(options) as api:
        environment = os.environ | {
            envvars.DATABASE_URL: postgres.dsn,
            envvars.API_BASE_URL: api.base_url,
            envvars.API_KEY: API_KEY,
            "NO_PROXY": "127.0.0.1",
        }
        click.echo("running: datasync ingest")
        code = _ingest(environment, logs / "ingest.log")
        asyncio.run(_show(postgres.dsn))
        (logs / "postgres.log").write_bytes(postgres.log_path.read_bytes())
    click.echo("logs: " + ", ".join(str(log) for log in sorted(logs.iterdir())))
    return code


def _ingest(environment: dict[str, str], log: Path) -> int:
    started = time.monotonic()
    command = [sys.executable, "-m", "datasync", "ingest"]
    if sys.stderr.isatty():
        child = subprocess.run(command, env=environment, check=False)  # draws its progress there
    else:
        with log.open("wb") as file:
            child = subprocess.run(command, env=environment, stderr=file, check=False)
        click.echo(log.read_text(), nl=False)
    click.echo(f"datasync ingest ended with {child.returncode} after {time.monotonic() - started:.1f} s")
    return child.returncode


async def _show(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for table in ("ingested_events", "quarantined_events", "cursor_state"):
            click.echo(f"{table}: {await connection.fetchval(f'SELECT count(*) FROM {table}'):,} rows")
        row = await connection.fetchrow("SELECT * FROM ingested_events ORDER BY id LIMIT 1")
        if row is not None:
            click.echo("a row:")
            for name, value in row.items():
                click.echo(f"  {name:<12} {value}")
    finally:
        await connection.close()
