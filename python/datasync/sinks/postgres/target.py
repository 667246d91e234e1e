"""The table that rows go to, and the statements that move them there."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from datasync.config.schema import ConflictPolicy
from datasync.errors import ConfigError
from datasync.failpoints import failpoint
from datasync.model import Column
from datasync.postgres.connection import Connection, affected
from datasync.sinks.postgres.names import quoted
from datasync.sinks.postgres.rows import Rows

TABLE: Final = "ingested_events"


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
        columns: in the order of the COPY stream.
        names: of the columns.
        key: the column whose value a row is known by.
    """

    def __init__(self, columns: Sequence[Column], policy: ConflictPolicy) -> None:
        """Raise ConfigError if the policy can't be followed with these columns."""
        keys = [column for column in columns if column.key]
        if not keys:
            raise ConfigError("no column is the key, so that a record that comes again couldn't be told")
        self.key = keys[0]
        self.columns = columns
        self.names = [column.name for column in columns]
        self._policy = policy
        others = [column for column in columns if not column.key]
        if policy.newer_by is not None and policy.newer_by not in {column.name for column in others}:
            raise ConfigError(
                f"no column `{policy.newer_by}` tells which row is newer",
                hint=f"the columns are {', '.join(column.name for column in others)}",
            )
        name = quoted(self.key.name)
        self._known = f"SELECT {name} FROM {quoted(TABLE)} WHERE {name} = ANY($1::{self.key.kind}[])"
        self._names = ", ".join(map(quoted, self.names))
        self._upsert, self._newest = _statements(self._names, self.key, others, policy)

    @property
    def keeps_known(self) -> bool:
        """A row whose key is there already changes nothing."""
        return self._policy.rule == "nothing"

    def one_of_each(self, rows: Rows) -> Rows:
        """Of rows with equal keys the one that would be left if they came one by one, where their order tells it."""
        if not rows.repeated or self._policy.newer_by is not None:
            return rows
        return rows.unique(last=not self.keeps_known)

    async def known(self, connection: Connection, keys: Sequence[Any]) -> list[Any]:
        """Those of `keys` that the table has."""
        rows = await connection.fetch(self._known, keys)
        return [row[0] for row in rows]

    async def insert(self, connection: Connection, staging: str) -> Stored:
        """Move the rows of the table `staging`, each of another key that the table doesn't have.

        Without ON CONFLICT the index is searched once a row instead of twice, and no second WAL record says that the
        first one holds: 1.4 times as fast as `upsert`, see benches.

        Raises:
            asyncpg.UniqueViolationError: a key is there. The transaction is broken.
        """
        status = await connection.execute(
            f"INSERT INTO {quoted(TABLE)} ({self._names}) SELECT {self._names} FROM {quoted(staging)}"
        )
        failpoint("upsert_done")
        return Stored(affected(status))

    async def upsert(self, connection: Connection, staging: str, *, repeats: bool) -> Stored:
        """Move the rows of the table `staging` to where they belong, by the policy.

        Args:
            connection: in the batch's transaction.
            staging: has the target's columns.
            repeats: a key may be there twice; the newest row counts, of equals the first.
        """
        rows = self._newest if repeats else "SELECT {columns} FROM {staging}"
        statement = self._upsert.replace("{rows}", rows.format(columns=self._names, staging=quoted(staging)))
        inserted, updated = await connection.fetchrow(statement) or (0, 0)
        failpoint("upsert_done")
        return Stored(inserted, updated)


def _statements(names: str, key: Column, others: Sequence[Column], policy: ConflictPolicy) -> tuple[str, str]:
    conflict = "NOTHING"
    if policy.rule != "nothing" and others:
        sets = ", ".join(f"{quoted(column.name)} = excluded.{quoted(column.name)}" for column in others)
        conflict = f"UPDATE SET {sets}{_condition(others, policy)}"
    # A row that was inserted has no xmax; one that was updated has that of this transaction.
    insert = (
        f"WITH stored AS (INSERT INTO {quoted(TABLE)} AS old ({names}) {{rows}}"
        f" ON CONFLICT ({quoted(key.name)}) DO {conflict} RETURNING (old.xmax = 0) AS fresh)"
        " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM stored"
    )
    newest = "SELECT {columns} FROM {staging}"
    if policy.newer_by is not None:
        key_name, newer = quoted(key.name), quoted(policy.newer_by)
        newest = (
            f"SELECT DISTINCT ON ({key_name}) {{columns}} FROM {{staging}}"
            f" ORDER BY {key_name}, {newer} DESC NULLS LAST, ctid"
        )
    return insert, newest


def _condition(others: Sequence[Column], policy: ConflictPolicy) -> str:
    if policy.newer_by is not None:
        newer = quoted(policy.newer_by)
        return f" WHERE old.{newer} IS NULL AND excluded.{newer} IS NOT NULL OR excluded.{newer} > old.{newer}"
    if policy.rule == "update_if_changed":
        differs = (
            # json has no equality; its text is what there is to compare.
            f"old.{quoted(column.name)}{cast} IS DISTINCT FROM excluded.{quoted(column.name)}{cast}"
            for column in others
            for cast in ["::text" if column.kind == "json" else ""]
        )
        return f" WHERE {' OR '.join(differs)}"
    return ""
