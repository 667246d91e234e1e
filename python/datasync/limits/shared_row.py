"""The row that processes share for one bucket of one API key, as a holder sees it.

The row counts slots, one for each request that the API allows in a window. A slot is

* *spent* until `free_at`: its request was answered one window earlier, or its holder's lease ended then;
* *held* by a process that may send a request with it, or waits for the answer;
* free otherwise.

Spent and held slots together are never more than `max_slots`, unless the limit fell. The database's clock is the only
clock of the row: callers tell and are told spans of time, not moments.
"""

import hashlib
from collections.abc import Sequence

import asyncpg
import msgspec

from datasync.errors import SinkUnavailable
from datasync.limits.shared_sql import BUCKETS, CALL, CREATE, HISTORY
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.postgres.migrate import migrate

COMMAND_TIMEOUT = 5.0
"""Seconds for a call. It waits for no lock longer than another call takes."""

ATTEMPTS = 20
"""Where the database's default is stricter than READ COMMITTED, one of those who meet at a row is stored at a time."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a holder tells and asks.

    Attributes:
        holder: a name of this process alone.
        epoch: number of the call, rising. A call that was lost on its way and comes late changes nothing.
        lease: as the last answer said, or 0. `unused` slots are of this lease.
        heard: epoch of the last call whose answer came. What a later one granted is given back.
        max_slots, window: requests per seconds, as this process knows them. They count when no other process lives.
        by_api: the API itself said so just now: they count in any case.
        frees_in: one element for each slot held no longer: seconds until it is free again, one window after the answer
            to its request. A slot given back unused is in here with the seconds until it opens, or is just not in
            `unused` any more if it is open.
        in_flight: slots whose requests are not answered yet.
        unused: slots held besides.
        want: slots asked for; None asks for none and keeps the place in the queue.
        block: seconds for which the API told to stay away; 0 for none.
        taken: slots of this window that the API counts as taken, or None.
        taken_age: seconds since it said so.
    """

    holder: str
    epoch: int
    lease: int
    heard: int
    max_slots: int
    window: float
    by_api: bool = False
    frees_in: Sequence[float] = ()
    in_flight: int = 0
    unused: int = 0
    want: int | None = None
    block: float = 0.0
    taken: int | None = None
    taken_age: float = 0.0


class Turn(msgspec.Struct, frozen=True):
    """What a holder is told. Seconds count from the moment of the call.

    Attributes:
        opens_in: one element for each slot granted: seconds until it may be used. All are held until `life` is over.
        wait: seconds until asking for more makes sense; 0: now.
        lease: the number of the lease. If it is another one than before, that one ended: unused slots of it are gone.
        life: seconds until the lease ends: then all it holds counts as spent at that moment.
        blocked: seconds during which nobody may send.
        max_slots, window: requests per seconds, as all processes now know them.
    """

    opens_in: Sequence[float]
    wait: float
    lease: int
    life: float
    blocked: float
    max_slots: int
    window: float


def key_of(origin: str, api_key: str) -> str:
    """The name of a key at an API: a digest, so that the key itself is never stored."""
    return hashlib.sha256(f"{origin}\0{api_key}".encode()).hexdigest()[:32]


class BudgetRow:
    """The rows of one key, over a connection of their own."""

    def __init__(self, dsn: str, key: str, *, connect_timeout: float) -> None:
        """Prepare; nothing is connected yet. `key` is that of `key_of`, `connect_timeout` in seconds."""
        self._dsn = dsn
        self._key = key
        self._connect_timeout = connect_timeout
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def prepare(self) -> None:
        """Make the table if it isn't there.

        Raises:
            SinkError: can't be reached or may not be made.
            ConfigError: the URL, the user, the password or the database is wrong.
        """
        with mapped("preparing the shared budget"):
            await migrate(await self._connected(), HISTORY)

    async def buckets(self) -> dict[str, tuple[int, float]]:
        """The buckets of this key that some process has used: requests per seconds of each.

        Raises:
            SinkError: the database can't be reached, or did not answer in time.
        """
        try:
            with mapped("looking for shared budgets"):
                rows = await (await self._connected()).fetch(BUCKETS, self._key)
        except BaseException:
            self.close()
            raise
        return {row["bucket"]: (row["max_slots"], row["window_s"]) for row in rows}

    async def call(self, bucket: str, call: Call) -> Turn:
        """Tell and ask in one statement. After a failure it is unknown whether it took place.

        The next call gives back what may have been granted. Answers that it told may count twice, for a window at most:
        too few slots for a while, never too many.

        Raises:
            SinkError: the database can't be reached, or did not answer in time.
        """
        try:
            with mapped("asking for the shared budget"):
                connection = await self._connected()
                row = await self._settled(connection, bucket, call)
        except BaseException:  # a cancelled one, too: what comes next on this connection can't be known
            self.close()
            raise
        if row is None:
            raise SinkUnavailable("asking for the shared budget: a later call of this process was there before")
        return Turn(**row)

    def close(self) -> None:
        """Cut the connection. The next call makes another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _settled(self, connection: Connection, bucket: str, call: Call) -> asyncpg.Record | None:
        """Ask until no other call is in the way. A transaction that says what it sees would hold the row for longer."""
        attempt = 1
        while True:
            try:
                row = await self._ask(connection, bucket, call)
                if row is None:
                    await connection.execute(CREATE, self._key, bucket, call.max_slots, call.window)
                    row = await self._ask(connection, bucket, call)
            except asyncpg.SerializationError:
                if attempt == ATTEMPTS:
                    raise
                attempt += 1
            else:
                return row

    async def _ask(self, connection: Connection, bucket: str, call: Call) -> asyncpg.Record | None:
        return await connection.fetchrow(
            CALL,
            self._key,
            bucket,
            call.holder,
            call.epoch,
            call.max_slots,
            call.window,
            call.by_api,
            list(call.frees_in),
            call.in_flight,
            call.unused,
            call.want,
            call.block,
            call.taken,
            call.taken_age,
            call.heard,
            call.lease,
        )

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None or self._connection.is_closed():
            # Fit for a pooler in transaction mode: no statement outlives its transaction, nothing is set in a session,
            # and no parameter but the name is in the greeting, where poolers refuse what they don't know.
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=self._connect_timeout,
                command_timeout=COMMAND_TIMEOUT,
                statement_cache_size=0,
                server_settings={"application_name": "datasync budget"},
            )
        return self._connection
