"""What the tests of the embedded server share."""

import asyncio
import os
from pathlib import Path

import asyncpg


def ask(dsn: str, statement: str) -> object:
    """Run one statement and give the first value of its answer."""

    async def run() -> object:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def runs(pid: int) -> bool:
    """Whether a process runs. One that ended but isn't reaped by its new parent yet doesn't count."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
