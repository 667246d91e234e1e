"""A batch one of whose rows the database refuses: what is wrong goes to quarantine, and the rest is stored."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from datasync.postgres.connection import Connection
from datasync.sinks.postgres import naming, shape, staging
from datasync.sinks.postgres.attempts import Attempts
from datasync.sinks.postgres.halving import Halving, Refusals, Unit
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.put import Put
from datasync.sinks.postgres.rows import Rows
from datasync.sinks.postgres.target import Target


async def put(
    connection: Connection, target: Target, staged: TableName, rows: Rows, every: Rows, known: Refusals
) -> Put:
    """Put `rows` into the target but for those that the database refuses.

    Args:
        connection: in the batch's transaction.
        target: that they go to.
        staged: the table that they are staged in.
        rows: to store.
        every: row of the batch: the next one of the same key takes the place of a refused one.
        known: rows that are refused for what isn't seen here.

    Raises:
        RowsRefused: it refuses every row.
    """
    # Else it may be that which refuses.
    await shape.check_columns(connection, target.into, target.columns)
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the COMMIT would be refused, and no row named
    await staging.own(connection, staged)
    if target.keeps_known and not target.appends:
        # None that is known would change anything, so none of them is refused, whichever way the batch took at first.
        rows = rows.only(await target.unknown(connection, rows.keys()))
    # By equal keys nobody could tell which of the rows names something.
    single = target.key is not None and not (target.appends and rows.repeated)
    attempts = Attempts(connection, target, staged, await naming.read(connection, target) if single else ())
    first = Halving(attempts, rows, known)
    together = bool(rows.repeated) and not target.appends  # which one of a key is stored the database tells
    keys = [] if target.appends or target.key is None else rows.keys()
    stored = await first.put(list(_alike(keys)) if together else [[row] for row in range(len(rows))])
    stored += await first.again()
    others = Halving(attempts, every, known)
    tried = 0
    gone = {keys[row] for row in first.refused if keys} - _kept(keys, first)
    for key, row in _others(target, every, gone if len(every) > len(rows) else set()):
        if key in gone:
            stored += await others.put([[row]])
            tried += 1
            if row not in others.refused:
                gone.remove(key)
    if tried and attempts.circular:
        stored += await first.again()  # what names one of these
    return Put(
        stored,
        (*first.rejects(), *others.rejects()),
        repeated=len(rows) - len(first.refused) - first.told,
        places=first.places() | others.places(),
        tried=tried,
    )


def _kept(keys: list[Any], halving: Halving) -> set[Any]:
    """The keys of which a row was stored."""
    return {key for row, key in enumerate(keys) if row not in halving.refused}


def _alike(keys: list[Any]) -> Iterator[Unit]:
    return (list(rows) for _, rows in groupby(range(len(keys)), keys.__getitem__))


def _others(target: Target, every: Rows, keys: set[Any]) -> list[tuple[Any, int]]:
    """The rows of `keys` but for those that came first in line, in the order of their lines."""
    lines: dict[Any, list[int]] = {key: [] for key in keys}
    for row, key in enumerate(every.keys() if keys else []):
        if key in lines:
            lines[key].append(row)
    if not target.keeps_known:
        lines = {key: rows[::-1] for key, rows in lines.items()}
    return [(key, row) for key, rows in lines.items() for row in rows[1:]]
