"""The key and the database's password appear in no output, in no table, and in no process title."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.support import Database, environment, finish, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

KEY = "canary-key-0b5e8d"
PASSWORD = "canary-password-77aa"


def everything(database: Database) -> str:
    """All rows of all tables, as text."""
    tables = [row[0] for row in database.fetch(TABLES)]
    return "\n".join(str(row) for table in tables for row in database.fetch(f'SELECT t::text FROM "{table}" t'))


LEAKING_TRANSFORM = """
import os, datasync

@datasync.transform('leak')
def leak(record):
    raise ValueError(os.environ['API_KEY'])
"""
LEAKING_IMPORT = """
import os
raise RuntimeError(os.environ['API_KEY'] + os.environ['DATABASE_URL'])
"""
LEAKING_HOOK = """
import os, datasync

@datasync.hookimpl
def run_started(stats):
    raise RuntimeError(os.environ['DATABASE_URL'] + os.environ['API_KEY'])
"""
DAMAGE = "500=0.2:2,truncate=0.2:2,reset=0.2:2,missing_id=0.05,nul=0.05"
TABLES = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"


@pytest.mark.parametrize(
    ("chaos", "api_key", "transform"),
    [
        ("", KEY, None),
        ("", "another", None),  # refused
        (DAMAGE, KEY, None),
        ("early_end=1", KEY, None),
        ("", KEY, LEAKING_TRANSFORM),
        ("", KEY, LEAKING_IMPORT),
        ("", KEY, LEAKING_HOOK),
    ],
)
def test_no_output_holds_a_secret_whatever_happens(
    simulate: Simulate, database: Database, workdir: Path, chaos: str, api_key: str, transform: str | None
) -> None:
    api = simulate(SimulatorOptions(count=1000, page_cap=250, api_key=api_key, rate_limit="none", chaos=chaos))
    dsn = database.dsn + ("&" if "?" in database.dsn else "?") + f"password={PASSWORD}"
    arguments = ["ingest"]
    if transform is not None:
        (workdir / "mine.py").write_text(transform)
        arguments += ["--plugin", "mine.py"] + (["--transform", "leak"] if "'leak'" in transform else [])
    process = start(arguments, environment(dsn, api.base_url, key=KEY))
    titles = Path(f"/proc/{process.pid}/cmdline").read_text()
    run = finish(process)
    assert run.stderr
    seen = run.stdout + run.stderr + titles + everything(database)
    assert KEY not in seen
    assert PASSWORD not in seen


def test_the_servers_view_of_the_connection_holds_no_secret(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import asyncio, os, asyncpg, datasync\n\n"
        "@datasync.transform('look')\n"
        "def look(record):\n"
        "    async def main():\n"
        "        connection = await asyncpg.connect(os.environ['DATABASE_URL'])\n"
        "        rows = await connection.fetch('SELECT application_name, query FROM pg_stat_activity')\n"
        "        await connection.close()\n"
        "        return str(rows)\n"
        "    record['seen'] = asyncio.run(main())\n"
        "    return record\n"
    )
    api = simulate(SimulatorOptions(count=3, api_key=KEY, rate_limit="none"))
    env = environment(database.dsn, api.base_url, key=KEY)
    run = finish(start(["ingest", "--plugin", "mine.py", "--transform", "look"], env))
    assert run.code == 0, run.stderr
    seen = database.value("SELECT min(data->>'seen') FROM ingested_events")
    assert "datasync" in seen
    assert KEY not in seen


def test_help_shows_no_secret_of_the_environment(workdir: Path) -> None:
    run = finish(start(["ingest", "--help"], environment("postgresql://u:" + PASSWORD + "@h/d", "http://h", key=KEY)))
    assert run.code == 0
    assert "API_KEY" in run.stdout
    assert KEY not in run.stdout
    assert PASSWORD not in run.stdout
