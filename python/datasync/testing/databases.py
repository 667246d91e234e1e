"""Databases inside a running server, made through asyncpg: the wheels need not bring `psql`."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from datasync.testing.errors import EmbeddedPostgresError

SUPERUSER: Final = "postgres"
PORT: Final = 5432
"""Only part of the socket's name: no server listens on the network."""
_LONGEST_NAME: Final = 63
"""In bytes; PostgreSQL would cut a longer name silently."""
_SECONDS: Final = 30.0
_FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


def database_dsn(socket_dir: Path, name: str) -> str:
    """Give the address of a database, for asyncpg and libpq alike."""
    return f"postgresql://{SUPERUSER}@/{quote(name, safe='')}?host={quote(str(socket_dir), safe='')}&port={PORT}"


def create_database(admin_dsn: str, name: str, *, exist_ok: bool) -> None:
    """Create a database. Blocks, and works with or without a running event loop in the calling thread.

    Raises:
        EmbeddedPostgresError: the name can't be used, is taken (unless `exist_ok`), or the server doesn't answer.
    """
    if not 0 < len(name.encode()) <= _LONGEST_NAME or "\0" in name:
        raise EmbeddedPostgresError(
            f"{name!r} can't name a database", hint=f"use 1 to {_LONGEST_NAME} bytes without a zero byte"
        )
    try:
        _run(admin_dsn, f"CREATE DATABASE {_quoted(name)}")
    except asyncpg.DuplicateDatabaseError as error:
        if not exist_ok:
            raise EmbeddedPostgresError(f"database {name!r} is there already", hint="pass `exist_ok=True`") from error
    except _FAILURES as error:
        raise EmbeddedPostgresError(
            f"database {name!r} could not be created: {error}", hint="see the server's log at `log_path`"
        ) from error


def drop_database(admin_dsn: str, name: str) -> None:
    """Drop a database, whoever is connected to it. Blocks, as `create_database`.

    Raises:
        EmbeddedPostgresError: there is none of that name, or the server doesn't answer.
    """
    try:
        _run(admin_dsn, f"DROP DATABASE {_quoted(name)} WITH (FORCE)")
    except _FAILURES as error:
        raise EmbeddedPostgresError(
            f"database {name!r} could not be dropped: {error}", hint="see the server's log at `log_path`"
        ) from error


def _quoted(name: str) -> str:
    # These statements take no parameters: quote the name as SQL does.
    return '"' + name.replace('"', '""') + '"'


def _run(admin_dsn: str, statement: str) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(lambda: asyncio.run(_execute(admin_dsn, statement))).result()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=_SECONDS)
    try:
        await connection.execute(statement, timeout=_SECONDS)
    finally:
        await connection.close(timeout=_SECONDS)
