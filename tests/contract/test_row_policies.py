"""A row that a policy of its table refuses is one record in quarantine, not the end of the run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from datasync.config.schema import ConflictPolicy, TableSettings, WriteSettings
from datasync.errors import SinkError
from tests.support import Database
from tests.tables import FREE, KEYED, last, more, run, settings, stores


@pytest.fixture
def role(database: Database) -> Iterator[Database]:
    """The database for a role that policies hold for."""
    name = f"{database.name}_role"
    database.execute(
        f"CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY p ON t USING (id < 100) WITH CHECK (name <> 'bad');"
        f"CREATE ROLE {name} LOGIN; GRANT ALL ON SCHEMA public TO {name}; GRANT ALL ON t TO {name}"
    )
    yield replace(database, dsn=database.dsn.replace("postgres@", f"{name}@", 1))
    database.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize("mode", ["merge", "append"])
@pytest.mark.parametrize("rule", ["nothing", "update"])
def test_a_row_that_a_policy_refuses_is_quarantined_and_the_rest_is_stored(
    database: Database, role: Database, mode: Any, rule: Any
) -> None:
    write = WriteSettings(on_conflict=ConflictPolicy(rule))
    rows = [(1, "a"), (2, "bad"), (3, "c")]
    run(settings(role, TableSettings("t", mode), write=write), KEYED if mode == "merge" else FREE, stores(last(*rows)))
    assert database.value("SELECT array_agg(id ORDER BY id) FROM t") == [1, 3]
    assert [row[0] for row in database.fetch("SELECT code FROM quarantined_events")] == ["sql_42501"]


def test_a_row_that_hides_from_the_role_is_none_that_can_be_updated(database: Database, role: Database) -> None:
    database.execute("INSERT INTO t VALUES (100, 'hidden')")
    write = WriteSettings(on_conflict=ConflictPolicy("update"))
    run(settings(role, TableSettings("t"), write=write), use=stores(more((1, "a"), (100, "b"))))
    assert [tuple(row) for row in database.fetch("SELECT * FROM t ORDER BY id")] == [(1, "a"), (100, "hidden")]
    assert database.value("SELECT code FROM quarantined_events") == "sql_42501"


def test_a_right_that_is_missing_is_no_refusal_of_a_row(database: Database, role: Database) -> None:
    database.execute(f"REVOKE INSERT ON t FROM {database.name}_role")
    with pytest.raises(SinkError, match="permission denied for table t"):
        run(settings(role, TableSettings("t")), use=stores(more((1, "a"))))
    assert database.value("SELECT count(*) FROM quarantined_events") == 0
