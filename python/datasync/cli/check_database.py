"""`datasync check`: the database. Writes nothing."""

from collections.abc import Sequence
from typing import Final

from datasync.cli.check_finding import Found, failed, ok, warning
from datasync.config import Secret
from datasync.config.targets import OURS
from datasync.errors import ConfigError, DatasyncError, SinkError, SinkUnavailable
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.sinks.postgres import ddl, shape, staging, unlogged
from datasync.sinks.postgres.quarantined import connected
from datasync.sinks.postgres.target import Target

OLDEST: Final = 14
"""The oldest major version of PostgreSQL that its project still keeps, and the oldest that is tested."""

_ABOUT: Final = """
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only')::bool AS read_only,
       current_setting('fsync')::bool AS fsync, current_setting('full_page_writes')::bool AS full_pages,
       current_setting('synchronous_commit') AS synchronous, current_schema()::text AS schema,
       current_user::text AS role, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creates
"""

_RIGHTS: Final = """
SELECT name FROM unnest($1::text[]) AS name
WHERE to_regclass(name) IS NOT NULL AND NOT (
    has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
    AND has_table_privilege(name, 'UPDATE') AND has_table_privilege(name, 'DELETE'))
"""

# Those that number the rows of a table. An identity column takes its numbers with no right of its own.
_SEQUENCES: Final = """
SELECT DISTINCT objid::regclass::text FROM unnest($1::text[]) AS name
JOIN pg_depend ON refobjid = to_regclass(name) AND refclassid = 'pg_class'::regclass
    AND classid = 'pg_class'::regclass AND deptype = 'a'
JOIN pg_class ON pg_class.oid = objid AND relkind = 'S'
WHERE NOT has_sequence_privilege(objid, 'USAGE') AND NOT has_sequence_privilege(objid, 'UPDATE') ORDER BY 1
"""


async def look(database_url: Secret, targets: Sequence[Target], found: Found) -> None:
    """Look at the server, the rights of the role, our own tables and those that rows go to, `targets`."""
    try:
        async with connected(database_url) as connection:
            await _look(connection, targets, found)
    except DatasyncError as error:
        found(failed("database", error))


async def _look(connection: Connection, targets: Sequence[Target], found: Found) -> None:
    tables = [target.table for target in targets]
    used = sorted(OURS - {ddl.HISTORY.table}) + [one.sql for table in tables for one in (table, staging.first(table))]
    with mapped("asking the database about itself"):
        about = await connection.fetchrow(_ABOUT)
        lacking = [row[0] for row in await connection.fetch(_RIGHTS, used)]
        numbers = [row[0] for row in await connection.fetch(_SEQUENCES, used)]
    assert about is not None  # the query gives a row
    found(ok("database", f"reachable, as {about['role']}"))
    if about["number"] < OLDEST * 10_000:
        old = ConfigError(f"PostgreSQL {about['version']}", hint=f"{OLDEST} or newer is needed")
        found(failed("version", old))
    else:
        found(ok("version", f"PostgreSQL {about['version']}"))
    if about["encoding"] == "UTF8":
        found(ok("encoding", "UTF8"))
    if about["standby"] or about["read_only"]:
        hint = "it is a standby, or default_transaction_read_only is on; name the primary"
        found(failed("writable", SinkUnavailable("the server takes no writes", hint=hint)))
    current = await _tables(connection, targets, found, utf8=about["encoding"] == "UTF8")
    if lacking or numbers:
        found(failed("rights", _lacks(about["role"], lacking, numbers)))
    elif about["creates"]:
        found(ok("rights", f"{about['role']} may create tables in the schema {about['schema']}"))
    elif current:
        found(
            warning(
                "rights",
                f"{about['role']} may create no tables: there will be one writer less",
                f"GRANT CREATE ON SCHEMA {about['schema'] or 'public'} TO {about['role']}",
            )
        )
    else:
        hint = f"GRANT CREATE ON SCHEMA {about['schema'] or 'public'} TO {about['role']}"
        found(failed("rights", SinkError(f"{about['role']} may create no tables", hint=hint)))
    _durability(about["fsync"], about["full_pages"], about["synchronous"], found)


def _lacks(role: str, tables: Sequence[str], sequences: Sequence[str]) -> SinkError:
    may_not, grants = [], []
    if tables:
        may_not.append(f"read and write {', '.join(tables)}")
        grants.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables)} TO {role}")
    if sequences:
        may_not.append(f"take numbers from {', '.join(sequences)}")
        grants.append(f"GRANT USAGE ON SEQUENCE {', '.join(sequences)} TO {role}")
    return SinkError(f"{role} may not {', nor '.join(may_not)}", hint="; ".join(grants))


async def _tables(connection: Connection, targets: Sequence[Target], found: Found, *, utf8: bool) -> bool:
    """Whether the tables are there, and up to date."""
    newest = len(ddl.HISTORY.steps)
    try:
        with mapped("looking at the tables"):
            await shape.check_database(connection)
            for target in targets:
                await shape.check(connection, target)
                await staging.check(connection, target.table, target.columns)
            version = await ddl.installed_version(connection)
            lost = await unlogged.find(connection, [target.table for target in targets])
    except DatasyncError as error:
        found(failed("tables" if utf8 else "encoding", error))
        return False
    if version == newest:
        found(ok("tables", f"there, of version {version}"))
    elif version:
        found(ok("tables", f"there, of version {version}; the next run brings them to {newest}"))
    else:
        found(ok("tables", "not there yet: the first run makes them"))
    for table in lost:
        found(warning("tables", f"the table `{table}` {unlogged.TEXT}", unlogged.remedy(table)))
    return version == newest


def _durability(fsync: bool, full_pages: bool, synchronous: str, found: Found) -> None:
    off: list[str] = [name for name, on in (("fsync", fsync), ("full_page_writes", full_pages)) if not on]
    if off:
        text = f"{' and '.join(off)} off: a crash of the server's machine can damage the whole database"
        found(warning("disk", text, "turn on what is off in postgresql.conf"))
    elif synchronous == "off":
        text = "synchronous_commit is off: after a crash a run that was stopped may lack its last batches"
        found(warning("disk", text, "they are read again by the next run; turn it on to keep them"))
    else:
        found(ok("disk", f"fsync is on, synchronous_commit is {synchronous}"))
