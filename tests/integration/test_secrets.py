"""Key, token, configured headers and the database's password appear in no output, no table and no process title."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.quarantine import API, desk, event, fill
from tests.support import Database, environment, finish, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

KEY = "canary-key-0b5e8d"
PASSWORD = "canary-password-77aa"
HEADER = "canary-header-3c91"
TOKEN = re.compile(r"[0-9a-f]{64}")
"""The simulated API's tokens look like this; of all outputs only quarantined bytes do, too."""


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
TALKATIVE = """
import gc, logging, datasync
from datasync.http.token import TokenAuth

@datasync.hookimpl
def batch_committed(batch, committed, stats):
    for name in (None, "httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio", "asyncpg"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("httpx").error("HTTP Request: GET https://user:canary-url@h/p?api_key=canary-url&limit=5")
    auth = next(found for found in gc.get_objects() if isinstance(found, TokenAuth))
    token = auth._held.access.token.reveal()
    raise RuntimeError(f"GET https://user:canary-url@h/p?signature=canary-url {len(token)} {token}")
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


@pytest.mark.parametrize(
    ("options", "plugin"),
    [
        ({}, None),
        ({"api_key": "another"}, None),
        ({"dashboard_headers": ("X-Dashboard-Access: another",)}, None),
        ({"token_ttl": 0.0}, None),  # an answer that can't be used
        ({"drop_tokens_every": 3}, None),
        ({"drop_tokens_every": 1}, None),  # no token is ever good
        ({"drop_tokens_every": 4, "chaos": "500=0.2:1,truncate=0.2:1,reset=0.2:1"}, None),
        ({"token_ttl": 1.0, "latency": 0.2}, TALKATIVE),
    ],
)
def test_no_output_of_a_run_on_the_feed_holds_a_secret(
    simulate: Simulate, database: Database, workdir: Path, options: dict[str, object], plugin: str | None
) -> None:
    access = {"dashboard_headers": (f"X-Dashboard-Access: {HEADER}",)}
    chosen = {"count": 1000, "page_cap": 100, "api_key": KEY, "rate_limit": "none", **access, **options}
    api = simulate(SimulatorOptions(**chosen))  # type: ignore[arg-type]  # by name
    env = environment(database.dsn, api.base_url, key=KEY)
    env["DATASYNC_ACCESS_HEADERS"] = json.dumps({"X-Dashboard-Access": HEADER})
    arguments = ["ingest", "--endpoint", "datasync-feed"]
    if plugin is not None:
        (workdir / "mine.py").write_text(plugin)
        arguments += ["--plugin", "mine.py"]
    run = finish(start(arguments, env))
    assert "datasync.feed" in run.stderr
    if plugin is not None:
        assert "httpcore" in run.stderr  # it talks
        assert "https://***@h/p?api_key=***&limit=5" in run.stderr
        assert "https://***@h/p?signature=*** 64 ***" in run.stderr
    seen = run.stdout + run.stderr + everything(database)
    for canary in (KEY, HEADER, "canary-url"):
        assert canary not in seen
    assert not TOKEN.search(seen)


def test_no_output_of_quarantine_holds_a_secret(database: Database, workdir: Path) -> None:
    fill(database, [("x", event("a")), ("x", event("b", '"never"'))])
    dsn = database.dsn + ("&" if "?" in database.dsn else "?") + f"password={PASSWORD}"
    # As if it had got there all the same: of a key that is set by now, or by hand.
    database.execute(
        f"UPDATE quarantined_events SET detail = 'url {dsn} key {KEY} header {HEADER}', page_cursor = '{KEY}'"
    )
    (workdir / "leak.py").write_text(LEAKING_TRANSFORM)
    (workdir / "broken.py").write_text(LEAKING_IMPORT)
    env = API | {"API_KEY": KEY, "DATASYNC_ACCESS_HEADERS": json.dumps({"X-Dashboard-Access": HEADER})}
    seen = ""
    for arguments, code in (
        (("list",), 0),
        (("list", "--json"), 0),
        (("show", "1"), 0),
        (("export",), 0),
        (("export", "--output", "/no/such/place"), 2),
        (("replay", "--all", "--plugin", "broken.py"), 2),
        (("replay", "--all", "--plugin", "leak.py", "--transform", "leak"), 1),
        (("replay", "--help"), 0),
    ):
        run = desk(dsn, *arguments, code=code, env=env)[1]
        seen += run.stdout + run.stderr
    nowhere = f"postgresql://u:{PASSWORD}@127.0.0.1:9/d"
    seen += desk(nowhere, "list", code=2, env=env)[1].stderr
    assert "key ***" in seen
    assert "transform_failed 2" in seen
    seen += str(database.fetch("SELECT code, detail FROM quarantined_events"))
    for canary in (KEY, PASSWORD, HEADER):
        assert canary not in seen


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
