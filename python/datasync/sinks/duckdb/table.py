"""The table that rows go to in DuckDB, and the statements that put them there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasync.config import Settings
from datasync.errors import ConfigError, SchemaMismatch
from datasync.failpoints import failpoint
from datasync.model import Column, Row
from datasync.sinks.counts import Put
from datasync.sinks.duckdb.types import TYPES, ordering, quoted, selected, values

if TYPE_CHECKING:
    import duckdb


class Table:
    """A table with these columns. Where it has a key it holds one row of each."""

    def __init__(self, settings: Settings, columns: Sequence[Column]) -> None:
        """Raise ConfigError if the plan's columns and the settings don't go together."""
        self._mode = settings.table.mode
        self._policy = settings.write.on_conflict
        self._columns = columns
        keys = [index for index, column in enumerate(columns) if column.key]
        if self._mode == "merge" and not keys:
            raise ConfigError(
                "no column is the key, so that a record that comes again couldn't be told",
                hint='name one, or have the table take all with mode = "append"',
            )
        self._key = keys[0] if keys and self._mode != "append" else None
        self._order = None if self._policy.newer_by is None else ordering(columns, self._policy.newer_by)
        schema, _, self._name = settings.table.name.rpartition(".")
        self._schema = schema or "main"
        self.live = f"{quoted(self._schema)}.{quoted(self._name)}"
        self.next = f"{quoted(self._schema)}.{quoted(f'{self._name}__next')}"
        self._target = self.next if self._mode == "replace" else self.live
        self._names = ", ".join(quoted(column.name) for column in columns)

    @property
    def keeps_known(self) -> bool:
        """A row whose key is there already changes nothing."""
        return self._key is None or self._policy.rule == "nothing"

    @property
    def keyed(self) -> bool:
        """Whether a row that comes again is told."""
        return self._key is not None

    def check(self, db: "duckdb.DuckDBPyConnection") -> None:
        """Raise SchemaMismatch where the table is there in another shape: DuckDB would convert values."""
        found = db.execute(
            "SELECT column_name, data_type FROM duckdb_columns()"
            " WHERE database_name = current_database() AND schema_name = $1 AND table_name = $2 ORDER BY column_index",
            [self._schema, self._name],
        ).fetchall()
        ours = [(column.name, TYPES[column.kind]) for column in self._columns]
        if found and found != ours:
            raise SchemaMismatch(
                f"the table {self.live} has the columns {_listed(found)}, and this run has {_listed(ours)}",
                hint="write to another table, or move this one away",
            )
        keyed = db.execute(
            "SELECT constraint_column_names FROM duckdb_constraints() WHERE database_name = current_database()"
            " AND schema_name = $1 AND table_name = $2 AND constraint_type = 'PRIMARY KEY'",
            [self._schema, self._name],
        ).fetchall()
        wanted = [] if self._key is None else [([self._columns[self._key].name],)]
        if found and self._mode == "merge" and keyed != wanted:
            raise SchemaMismatch(
                f"the primary key of the table {self.live} isn't the column `{wanted[0][0][0]}`",
                hint="write to another table, or move this one away",
            )

    def create(self, db: "duckdb.DuckDBPyConnection", *, anew: bool) -> None:
        """Make what isn't there; with `anew` begin what is to take the place of all rows."""
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self._schema)}")
        if anew and self._mode == "replace":
            db.execute(f"DROP TABLE IF EXISTS {self.next}")
        described = ", ".join(
            f"{quoted(column.name)} {TYPES[column.kind]}"
            + (" PRIMARY KEY" if index == self._key else " NOT NULL" if column.required else "")
            for index, column in enumerate(self._columns)
        )
        db.execute(f"CREATE TABLE IF NOT EXISTS {self._target} ({described})")

    def put(self, db: "duckdb.DuckDBPyConnection", rows: Sequence[Row]) -> Put:
        """Store rows by the policy, in a transaction."""
        if not rows:
            return Put()
        left = self._one_of_each(rows)
        staged = selected(self._columns)
        if self._key is None:
            db.execute(f"INSERT INTO {self._target} ({self._names}) {staged}", values(self._columns, left))
            failpoint("copy_done")
            return Put(inserted=len(left))
        db.execute(f"CREATE OR REPLACE TEMP TABLE datasync_staged AS {staged}", values(self._columns, left))
        failpoint("copy_done")
        key = quoted(self._columns[self._key].name)
        known = _number(db.execute(f"SELECT count(*) FROM datasync_staged SEMI JOIN {self._target} USING ({key})"))
        affected = _number(
            db.execute(
                f"INSERT INTO {self._target} AS old ({self._names}) SELECT {self._names} FROM datasync_staged"
                f" ON CONFLICT ({key}) DO {self._conflict()}"
            )
        )
        inserted = len(left) - known
        updated = affected - inserted
        return Put(inserted, updated, left=known - updated, twice=len(rows) - len(left))

    def count(self, db: "duckdb.DuckDBPyConnection") -> int:
        """Rows that are there, or will be."""
        exists = "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = $1"
        for name, target in ((f"{self._name}__next", self.next), (self._name, self.live)):
            if target == self.next and self._mode != "replace":
                continue
            if _number(db.execute(f"{exists} AND table_name = $2", [self._schema, name])):
                return _number(db.execute(f"SELECT count(*) FROM {target}"))
        return 0

    def replace(self, db: "duckdb.DuckDBPyConnection") -> None:
        """Have the rows of a replacing run take the place of all others, in a transaction."""
        if self._mode == "replace":
            db.execute(f"DROP TABLE IF EXISTS {self.live}")
            db.execute(f"ALTER TABLE {self.next} RENAME TO {quoted(self._name)}")

    def _one_of_each(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Of rows with equal keys the one that would be left if they came one by one."""
        if self._key is None:
            return rows
        kept: dict[Any, Row] = {}
        for row in rows:
            key = row[self._key]
            if key not in kept or self._takes(kept[key], row):
                kept[key] = row
        return list(kept.values())

    def _takes(self, old: Row, new: Row) -> bool:
        if self._order is not None:
            return self._order(new) > self._order(old)
        return self._policy.rule != "nothing"

    def _conflict(self) -> str:
        others = [quoted(column.name) for column in self._columns if not column.key]
        if self._policy.rule == "nothing" or not others:
            return "NOTHING"
        update = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in others)
        if self._policy.newer_by is not None:
            newer = quoted(self._policy.newer_by)
            return (
                f"{update} WHERE old.{newer} IS NULL AND excluded.{newer} IS NOT NULL OR excluded.{newer} > old.{newer}"
            )
        if self._policy.rule == "update_if_changed":
            return f"{update} WHERE " + " OR ".join(f"old.{name} IS DISTINCT FROM excluded.{name}" for name in others)
        return update


def _listed(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in columns)


def _number(result: "duckdb.DuckDBPyConnection") -> int:
    row = result.fetchone()
    assert row is not None  # it is a count
    number: int = row[0]
    return number
