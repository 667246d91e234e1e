"""Rows that name each other, by a foreign key of their table into itself: none can be stored before those it names."""

from collections.abc import Sequence
from typing import Final

import msgspec

from datasync.postgres.connection import Connection, affected
from datasync.sinks.postgres.names import TableName, quoted
from datasync.sinks.postgres.target import Target

# Whoever may not read the other table is told by the foreign key itself.
_FOREIGN: Final = """
SELECT confrelid::regclass::text AS other, confrelid = conrelid AS itself, confmatchtype = 'f' AS whole,
    (SELECT array_agg(attname::text ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute ON attrelid = conrelid AND attnum = number) AS names,
    (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute ON attrelid = confrelid AND attnum = number) AS others
FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'f' AND conparentid = 0
AND has_table_privilege(confrelid, 'SELECT')
"""


class ForeignKey(msgspec.Struct, frozen=True):
    """Columns `names` refer to the columns `others` of the table `other`, as SQL writes it.

    With `whole` they may not be NULL in part: MATCH FULL.
    """

    other: str
    itself: bool
    whole: bool
    names: Sequence[str]
    others: Sequence[str]


async def read(connection: Connection, target: Target) -> Sequence[ForeignKey]:
    """Those of a target that refers to itself, by columns that are filled; none of another one."""
    rows = await connection.fetch(_FOREIGN, target.into.sql)
    found = [ForeignKey(**row) for row in rows if set(row["names"]) <= set(target.names)]
    return found if any(key.itself for key in found) else []


async def prune(connection: Connection, staged: TableName, keys: Sequence[ForeignKey], columns: Sequence[str]) -> None:
    """Delete from the table `staged`, with these `columns`, what names a row that is neither there nor in the target.

    What is left can be stored by one statement, as far as these keys are concerned, whoever names whom.
    """
    statements = [_delete(staged, key, columns) for key in keys]
    gone = 1
    while gone:
        gone = 0
        for statement in statements:
            gone += affected(await connection.execute(statement))


def _delete(staged: TableName, key: ForeignKey, columns: Sequence[str]) -> str:
    pairs = list(zip(map(quoted, key.names), map(quoted, key.others), strict=True))
    same = " AND ".join(f"there.{other} = here.{name}" for name, other in pairs)
    places = [key.other, *([staged.sql] if key.itself and set(key.others) <= set(columns) else [])]
    named = " AND ".join(f"here.{name} IS NOT NULL" for name, _ in pairs)
    missing = " AND ".join(f"NOT EXISTS (SELECT FROM {place} AS there WHERE {same})" for place in places)
    partly = " OR ".join(f"here.{name} IS NOT NULL" for name, _ in pairs)
    wrong = f"{named} AND {missing}" + (f" OR ({partly}) AND NOT ({named})" if key.whole else "")
    return f"DELETE FROM {staged.sql} AS here WHERE {wrong}"
