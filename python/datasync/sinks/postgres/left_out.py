"""Rows that a trigger or a rule of the owner left out of the table, and said nothing."""

import structlog

from datasync.postgres.connection import Connection
from datasync.sinks.postgres.names import TableName
from datasync.sinks.postgres.put import Put
from datasync.sinks.postgres.rows import Rows
from datasync.sinks.postgres.target import Target


async def count(connection: Connection, target: Target, rows: Rows, found: Put, *, fires: bool) -> int:
    """How many of a batch's rows aren't in the table, though nothing refused them.

    Args:
        connection: in the batch's transaction, after its rows.
        target: that they went to.
        rows: of the batch, of equal keys one.
        found: what became of them.
        fires: the table has triggers that may leave rows out.
    """
    left = found.left(rows)
    if target.appends or not left:
        return left  # what is appended is left for no other reason
    if not fires:
        return 0
    refused = {key for row, key in enumerate(rows.keys()) if rows.place(row) in found.places} if found.places else set()
    # The record lane has a uuid as text.
    known = {str(key) for key in refused}
    gone = [key for key in await target.unknown(connection, rows.keys()) if str(key) not in known]
    return min(left, len(gone))


def warn(table: TableName, number: int) -> None:
    """Say how many rows were left out of a batch, if any was. Once the batch is in."""
    if number:
        structlog.get_logger().warning(
            "rows are not in the table: a trigger or rule of its owner left them out, or changed their keys",
            table=str(table),
            rows=number,
        )
