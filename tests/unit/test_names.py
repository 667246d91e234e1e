"""No name from a configuration becomes another one, or SQL."""

import asyncio

import asyncpg
import pytest

from datasync.errors import ConfigError
from datasync.sinks.postgres.names import MAX_BYTES, quoted
from tests.support import Database

ODD = ['x"; DROP TABLE y; --', "Größe", "select", " a b ", "a" * MAX_BYTES, "é" * 31 + "e", 'a"b""c']


@pytest.mark.fault(66)
def test_the_database_knows_a_table_by_exactly_the_name_that_was_quoted(database: Database) -> None:
    async def main() -> None:
        connection = await asyncpg.connect(database.dsn)
        for name in ODD:
            await connection.execute(f"CREATE TABLE {quoted(name)} ()")
        await connection.close()

    asyncio.run(main())
    names = database.fetch("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert sorted(row[0] for row in names) == sorted(ODD)


@pytest.mark.fault(66)
@pytest.mark.parametrize("name", ["", "a" * (MAX_BYTES + 1), "é" * 32, "a\0b", "a\nb", "\ud800"], ids=repr)
def test_a_name_that_postgresql_would_cut_or_refuse_is_refused_first(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        quoted(name)
    assert caught.value.hint
