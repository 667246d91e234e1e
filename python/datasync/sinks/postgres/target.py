"""The table that rows go to, and the statements that move them there."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from datasync.config.schema import ConflictPolicy, TableSettings
from datasync.config.targets import OURS
from datasync.errors import ConfigError
from datasync.failpoints import failpoint
from datasync.model import Column
from datasync.postgres.connection import Connection, affected
from datasync.sinks.postgres.names import TableName, quoted, table_name
from datasync.sinks.postgres.rows import Rows

NEXT: Final = "__next"
"""Behind the name of a table: where the rows gather that will replace its own."""

_KEYS: Final = ("text", "bigint", "integer", "uuid")


class Stored(msgspec.Struct, frozen=True):
    """What a statement did, in rows."""

    inserted: int = 0
    updated: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        """Both together."""
        return Stored(self.inserted + other.inserted, self.updated + other.updated)


class Target:
    """A table with these columns.

    Attributes:
        table: that is configured, and read by its owner.
        into: where rows go: `table`, or with `replace` another one until all of them are there.
        replaces: the mode is `replace`.
        appends: rows are stored whatever is there: the mode is `append`, or it is `replace` and there is no key.
        columns: in the order of the COPY stream.
        names: of the columns.
        key: the column whose value a row is known by; None where there is none.
    """

    def __init__(self, columns: Sequence[Column], policy: ConflictPolicy, settings: TableSettings) -> None:
        """Raise ConfigError if name, mode and policy don't go together with these columns."""
        self.table = table_name(settings.name)
        if self.table.name in OURS:
            raise ConfigError(f"`{self.table}` is a table of datasync's own", hint="name another one for the rows")
        self.replaces = settings.mode == "replace"
        self.into = self.table.derived(after=NEXT) if self.replaces else self.table
        self.columns = columns
        self.names = [column.name for column in columns]
        self.key = _key(columns, required=settings.mode == "merge")
        self.appends = settings.mode == "append" or self.key is None
        if len(set(self.names)) < len(self.names):
            raise ConfigError(f"two columns of `{self.table}` have the same name", hint="rename one of them")
        self._policy = policy
        self._others = [column for column in columns if not column.key]
        if policy.newer_by is not None and policy.newer_by not in {column.name for column in self._others}:
            raise ConfigError(
                f"no column `{policy.newer_by}` tells which row is newer",
                hint=f"the columns are {', '.join(column.name for column in self._others)}",
            )
        if policy.newer_by in {column.name for column in self._others if column.kind == "json"}:
            raise ConfigError(
                f"the column `{policy.newer_by}` is `json`, which has no order to tell which row is newer",
                hint="name a column of another type, or make it `jsonb`",
            )
        self._names = ", ".join(map(quoted, self.names))
        self._newest = ""
        if self.key is not None:
            name = quoted(self.key.name)
            keys = f"$1::{self.key.kind}[]"
            known = f"SELECT {name} FROM {self.into.sql} WHERE {name} = ANY({keys})"
            self._unknown = f"SELECT unnest({keys}) EXCEPT {known}"
            if policy.newer_by is not None:
                self._newest = f" ORDER BY {name}, {quoted(policy.newer_by)} DESC NULLS LAST, ctid"

    @property
    def keeps_known(self) -> bool:
        """A row whose key is there already changes nothing."""
        return self._policy.rule == "nothing"

    @property
    def rule(self) -> str:
        """Of the policy."""
        return self._policy.rule

    @property
    def rewrites(self) -> bool:
        """Every row is written, whatever is there."""
        return self._policy.rule == "update" and bool(self._others)

    @property
    def newer_by(self) -> str | None:
        """Of the policy."""
        return self._policy.newer_by

    def one_of_each(self, rows: Rows) -> Rows:
        """Of rows with equal keys the one that would be left if they came one by one, where their order tells it."""
        if self.appends or not rows.repeated or self._policy.newer_by is not None:
            return rows
        return rows.unique(last=not self.keeps_known)

    async def unknown(self, connection: Connection, keys: Sequence[Any]) -> list[Any]:
        """Those of `keys` that the table doesn't have, each once."""
        rows = await connection.fetch(self._unknown, keys)
        return [row[0] for row in rows]

    async def insert(self, connection: Connection, staging: TableName) -> Stored:
        """Move the rows of the table `staging`, each of another key that the table doesn't have.

        Without ON CONFLICT the index is searched once a row instead of twice, and no second WAL record says that the
        first one holds: 1.4 times as fast as `upsert`, see benches.

        Raises:
            asyncpg.UniqueViolationError: a key is there. The transaction is broken.
        """
        status = await connection.execute(
            f"INSERT INTO {self.into.sql} ({self._names}) SELECT {self._names} FROM {staging.sql}"
        )
        failpoint("upsert_done")
        return Stored(affected(status))

    async def upsert(self, connection: Connection, staging: TableName, *, repeats: bool) -> Stored:
        """Move the rows of the table `staging` to where they belong, by the policy.

        Args:
            connection: in the batch's transaction.
            staging: has the target's columns.
            repeats: a key may be there twice; the newest row counts, of equals the first.
        """
        assert self.key is not None  # what appends has no use for it
        distinct = f"DISTINCT ON ({quoted(self.key.name)}) " if repeats and self._newest else ""
        rows = f"SELECT {distinct}{self._names} FROM {staging.sql}{self._newest if distinct else ''}"
        conflict = on_conflict(self.key, self._others, self._policy)
        inserted, updated = await connection.fetchrow(merging(self.into, self._names, rows, conflict)) or (0, 0)
        failpoint("upsert_done")
        return Stored(inserted, updated)


def merging(into: TableName, names: str, rows: str, conflict: str, *, before: str = "", more: str = "") -> str:
    """A statement that stores what the query `rows` gives, and tells how many rows are new and how many replaced.

    The common table expression `before` may be part of the query, and `more` may be told.
    """
    # A row that was inserted has no xmax; one that was updated has that of this transaction.
    return (
        f"WITH {before}stored AS (INSERT INTO {into.sql} AS old ({names}) {rows}"
        f" {conflict} RETURNING (old.xmax = 0) AS fresh)"
        f" SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh){more} FROM stored"
    )


def on_conflict(key: Column, others: Sequence[Column], policy: ConflictPolicy) -> str:
    """The clause that says what becomes of a row whose key is there already; the table is called `old`."""
    conflict = "NOTHING"
    if policy.rule != "nothing" and others:
        sets = ", ".join(f"{quoted(column.name)} = excluded.{quoted(column.name)}" for column in others)
        conflict = f"UPDATE SET {sets}{_condition(others, policy)}"
    return f"ON CONFLICT ({quoted(key.name)}) DO {conflict}"


def _condition(others: Sequence[Column], policy: ConflictPolicy) -> str:
    if policy.newer_by is not None:
        newer = quoted(policy.newer_by)
        return f" WHERE old.{newer} IS NULL AND excluded.{newer} IS NOT NULL OR excluded.{newer} > old.{newer}"
    return f" WHERE {differs(others)}" if policy.rule == "update_if_changed" else ""


def differs(others: Sequence[Column]) -> str:
    """Whether one of these columns of the row `old` is another in the row `excluded`."""
    return " OR ".join(
        # json has no equality; its text is what there is to compare.
        f"old.{quoted(column.name)}{cast} IS DISTINCT FROM excluded.{quoted(column.name)}{cast}"
        for column in others
        for cast in ["::text" if column.kind == "json" else ""]
    )


def _key(columns: Sequence[Column], *, required: bool) -> Column | None:
    keys = [column for column in columns if column.key]
    if not keys and required:
        raise ConfigError(
            "no column is the key, so that a record that comes again couldn't be told",
            hint="make one the key, or use the mode `append` or `replace`",
        )
    if len(keys) > 1 or (keys and keys[0].kind not in _KEYS):
        raise ConfigError("a table's key is one column", hint=f"of the kinds {', '.join(_KEYS)}")
    return keys[0] if keys else None
