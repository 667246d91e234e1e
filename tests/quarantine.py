"""A quarantine filled as a run would, and the command that looks at it."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from datasync.model import Reject
from datasync.sinks.postgres import ddl, quarantine
from tests.support import Database, Run, kept

STREAM = "datasync.events"
Refused = tuple[str, bytes]
"""Code and raw bytes."""

COUNTS = """
SELECT (SELECT count(*) FROM ingested_events) AS rows,
       (SELECT count(*) FROM quarantined_events WHERE stream = $1) AS waiting,
       events_ingested, duplicates, quarantined, dropped, served
FROM cursor_state WHERE stream = $1
"""


def event(id: str, when: str = '"2026-01-01T00:00:00Z"') -> bytes:
    """A record that passes, unless its time doesn't."""
    return f'{{"id": "{id}", "type": "click", "timestamp": {when}}}'.encode()


def fill(database: Database, refused: Sequence[Refused], stream: str = STREAM) -> None:
    """Leave what a run would have left that was served these records and refused them, whatever they are."""

    async def main() -> None:
        connection = await asyncpg.connect(database.dsn)
        try:
            await ddl.migrate(connection)
            rejects = [Reject("c", n, 0, code, f"why {n}", raw) for n, (code, raw) in enumerate(refused)]
            kept = await quarantine.keep(connection, stream, rejects, batch=1)
            await connection.execute(
                "INSERT INTO cursor_state (stream, source, cursor_value, epoch, served, quarantined, duplicates)"
                " VALUES ($1, 'http://unused', 'c', 1, $2, $3, $4)",
                stream,
                len(rejects),
                kept,
                len(rejects) - kept,
            )
        finally:
            await connection.close()

    asyncio.run(main())


def counts(database: Database, stream: str = STREAM) -> asyncpg.Record:
    """The stream's counters; they make up what was served."""
    (row,) = database.fetch(COUNTS, stream)
    explained = row["events_ingested"] + row["duplicates"] + row["quarantined"] + row["dropped"]
    assert explained == row["served"], row
    return row


def at_desk(database: Database, *arguments: str, code: int = 0, env: Mapping[str, str] = {}) -> bytes:
    """Run `datasync quarantine`, which must end with `code`. Give what it wrote."""
    return desk(database.dsn, *arguments, code=code, env=env)[0]


def desk(dsn: str, *arguments: str, code: int = 0, env: Mapping[str, str] = {}) -> tuple[bytes, Run]:
    """Run `datasync quarantine` with nothing but a database in its environment. Give its output, exact and as text."""
    done = subprocess.run(
        [Path(sys.executable).with_name("datasync"), "quarantine", *arguments],
        env=kept() | {"DATABASE_URL": dsn} | dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    run = Run(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode())
    assert run.code == code, run
    return done.stdout, run


API = {"API_BASE_URL": "http://127.0.0.1:9", "API_KEY": "canary-5f1d7c-key"}
"""What `replay` wants besides; nothing is asked for there."""
