"""Forward-only migrations: one runner for every part that keeps tables."""

import msgspec

from datasync.errors import SchemaMismatch
from datasync.failpoints import failpoint
from datasync.postgres.connection import Connection

_LOCK = 0x64617461_73796E63  # "datasync": one migration at a time in a database

# What a step makes belongs beside what the ones before made, whatever schema came to the search path's head meanwhile.
_BESIDE = """
SELECT set_config('search_path', quote_ident(nspname) || ', ' || current_setting('search_path'), true)
FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE pg_class.oid = to_regclass($1)
"""


class History(msgspec.Struct, frozen=True):
    """The tables of one part.

    Attributes:
        table: where the versions that were installed are kept.
        steps: statements; step n brings the schema to version n + 1. Never edit one that was released: append.
    """

    table: str
    steps: tuple[str, ...]


async def installed_version(connection: Connection, history: History) -> int:
    """The schema's version; 0 when nothing is installed. Writes nothing.

    Raises:
        SchemaMismatch: a newer datasync has been here.
    """
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", history.table):
        return 0
    version: int = await connection.fetchval(f"SELECT coalesce(max(version), 0) FROM {history.table}")
    if version > len(history.steps):
        raise SchemaMismatch(
            f"the tables are of version {version}, this datasync knows up to {len(history.steps)}",
            hint="upgrade datasync",
        )
    return version


async def migrate(connection: Connection, history: History) -> None:
    """Bring the schema up to date. Safe to run twice and by several at once.

    A transaction that `connection` is in has to be READ COMMITTED, and said so when it was begun.
    """
    if await installed_version(connection, history) == len(history.steps):
        return
    # Whatever the database's default is: what another one installed while this one waited must be seen.
    async with connection.transaction(isolation="read_committed"):
        # A crash that took the tables back would leave nothing that tells a run so.
        await connection.execute("SET LOCAL lock_timeout = '10s'; SET LOCAL synchronous_commit = on")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if not await connection.fetchval(_BESIDE, history.table):
            await connection.execute(
                f"CREATE TABLE {history.table}"
                " (version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())"
            )
        done = await installed_version(connection, history)
        for version, statements in enumerate(history.steps[done:], start=done + 1):
            await connection.execute(statements)
            failpoint("migration_step")
            await connection.execute(f"INSERT INTO {history.table} (version) VALUES ($1)", version)
