"""Transactions that last as long as they take."""

from typing import Final

from datasync.postgres.connection import Connection

_SINCE: Final = 17
"""The major version from which on PostgreSQL ends transactions by their age."""


def untimed(connection: Connection) -> str:
    """The statement that keeps the server from ending the transaction for its age, after `;` or alone; it may be empty.

    A role's own `transaction_timeout` is made for its queries, and would end a load half way, on each try anew.
    """
    return "SET LOCAL transaction_timeout = 0" if connection.get_server_version().major >= _SINCE else ""
