"""How values of the record lane go to PostgreSQL."""

from collections.abc import Callable

from datasync.postgres.connection import Connection

# 2000-01-01, since 1970
_POSTGRES_EPOCH_US = 946_684_800_000_000
_POSTGRES_EPOCH_DAYS = 10_957


async def prepare(connection: Connection) -> None:
    """Make `connection` take and give timestamptz as microseconds, and date as days, since 1970 UTC.

    Python's datetime and date won't do: asyncpg stores their first and last values as -infinity and infinity.
    """
    for type_, epoch in (("timestamptz", _POSTGRES_EPOCH_US), ("date", _POSTGRES_EPOCH_DAYS)):
        encoder, decoder = _codec(epoch)
        await connection.set_type_codec(type_, schema="pg_catalog", format="tuple", encoder=encoder, decoder=decoder)


def _codec(epoch: int) -> tuple[Callable[[int], tuple[int]], Callable[[tuple[int]], int]]:
    """Numbers counted from 1970 to numbers counted from PostgreSQL's epoch, and back."""
    return lambda number: (number - epoch,), lambda value: value[0] + epoch
