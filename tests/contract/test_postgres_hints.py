"""What PostgreSQL refuses comes with what to do about it."""

import asyncio

import asyncpg
import pytest

from datasync.errors import DatasyncError, RowsRefused, SinkError, SinkUnavailable
from datasync.postgres.errors import mapped
from tests.support import Database

PLAIN = "CREATE ROLE {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC; SET ROLE {role}; "
SECURED = (
    "CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE ROLE {role}; GRANT ALL ON t TO {role};"
    "CREATE POLICY p ON t USING (true) WITH CHECK (id > 0); SET ROLE {role}; "
)

REFUSED: dict[str, tuple[str, type[DatasyncError], str]] = {
    "no right to make a table": (PLAIN + "CREATE TABLE t (id int)", SinkError, "needs CREATE on the schema"),
    "a row that a policy refuses": (SECURED + "INSERT INTO t VALUES (0)", RowsRefused, "add a policy"),
    "row security that is off": (SECURED + "SET row_security = off; SELECT * FROM t", SinkError, "add a policy"),
    "no schema to make it in": ("SET search_path = nowhere; CREATE TABLE t (id int)", SinkError, "search_path"),
    "no such schema": ("CREATE TABLE nowhere.t (id int)", SinkError, "CREATE SCHEMA"),
    "no writes": (
        "SET default_transaction_read_only = on; CREATE TABLE t (id int)",
        SinkUnavailable,
        "name the primary",
    ),
}


def refusal(dsn: str, statements: str) -> DatasyncError:
    async def main() -> None:
        with mapped("trying"):
            connection = await asyncpg.connect(dsn)
            try:
                for statement in statements.split("; "):
                    await connection.execute(statement)
            finally:
                await connection.close()

    with pytest.raises(DatasyncError) as raised:
        asyncio.run(main())
    return raised.value


@pytest.mark.fault(49)
@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_says_what_to_do(database: Database, what: str) -> None:
    statements, kind, hint = REFUSED[what]
    role = f"{database.name}_plain"
    try:
        error = refusal(database.dsn, statements.format(role=role))
    finally:
        if "{role}" in statements:
            database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert type(error) is kind
    assert hint in (error.hint or "")
    assert "running and reachable" not in (error.hint or "")


@pytest.mark.fault(48)
def test_a_server_that_gives_no_more_connections_is_not_said_to_be_out_of_reach(database: Database) -> None:
    role = f"{database.name}_few"
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}' CONNECTION LIMIT 0")
    try:
        error = refusal(database.dsn.replace("postgres@", f"{role}:{role}@", 1), "SELECT 1")
    finally:
        database.execute(f"DROP ROLE {role}")
    assert type(error) is SinkUnavailable
    assert "max_connections" in (error.hint or "")
    assert "limit of the role" in (error.hint or "")
