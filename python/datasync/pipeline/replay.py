"""Gives records in quarantine another try."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from itertools import groupby, repeat

import asyncpg
import msgspec

from datasync import _native
from datasync.config.spec import Child
from datasync.model import EncoderPlan
from datasync.pipeline.elements import Elements
from datasync.pipeline.records import Refusal, read_records, take_elements
from datasync.pipeline.unwrap import array
from datasync.postgres.abandoned import noticing
from datasync.postgres.connection import Connection
from datasync.postgres.errors import mapped
from datasync.postgres.untimed import untimed
from datasync.sinks.postgres import codecs, ddl, lock, quarantined, reconcile, replayed, replayed_rows
from datasync.sinks.postgres.link import server_process
from datasync.sinks.postgres.quarantined import Chosen
from datasync.sinks.postgres.replayed import Replayed, Verdicts
from datasync.sinks.postgres.replayed_rows import Passed
from datasync.transforms.chain import Chain


class _Undone(Exception):
    """Rolls a transaction back that was for show."""


class Replay:
    """Reads records of one stream as a run would now, and stores what passes."""

    def __init__(
        self,
        plan: EncoderPlan,
        chain: Chain | None,
        thread: Executor,
        plan_at: Callable[[str | None], EncoderPlan | None] | None = None,
        children: Sequence[Child] = (),
    ) -> None:
        """Take how records are read.

        Args:
            plan: of the stream's columns.
            chain: of transforms.
            thread: that encodes; a transform may run loops of its own there.
            plan_at: gives the plan of a record by the cursor of its page, None where that doesn't tell it. Unless told
                it is `plan` for all.
            children: lists inside of records that go to tables of their own.
        """
        self._columns = plan.columns
        self._plan_at = plan_at or (lambda _cursor: plan)
        self._chain = chain
        self._thread = thread
        self._elements = [Elements(plan, child) for child in children]
        self._key = next((index for index, column in enumerate(plan.columns) if column.key), 0)

    async def run(
        self,
        connection: Connection,
        stream: str,
        chosen: Chosen,
        *,
        dry: bool,
        settled: Callable[[Replayed], None],
    ) -> int:
        """Replay the `chosen` records of a stream, some hundreds in a transaction. Give how many the table lacks then.

        Args:
            connection: holds the stream's lock from here on.
            stream: the one whose plan this is.
            chosen: which of its records.
            dry: undo every transaction in place of committing it.
            settled: is told of each transaction that came to its end.

        Raises:
            SinkBusy: a run of the stream is going on.
            SinkError: the database; what was settled before stays.
        """
        with mapped("replaying"):
            await codecs.prepare(connection)
            look = await noticing(connection)
            if await server_process(connection) is not None:  # a pooler keeps no lock
                await lock.take(connection, stream, wait=False)
            lists = {one.table: one.columns for one in self._elements}
            place = await replayed_rows.place(connection, stream, self._columns, lists)
        repeated = False
        async for piece in _of_stream(connection, stream, chosen):
            verdicts = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, piece)
            with mapped("replaying"), suppress(_Undone):
                async with connection.transaction(isolation="read_committed"):
                    await connection.execute(f"{look}; {untimed(connection)}")
                    await ddl.migrate(connection)
                    done = await replayed.settle(connection, stream, place, self._columns, verdicts)
                    if dry:
                        raise _Undone
            repeated |= bool(done.duplicates or done.merged)
            settled(done)
        with mapped("replaying"):
            complete = await connection.fetchval("SELECT complete FROM cursor_state WHERE stream = $1", stream)
            if not (complete and repeated):
                return 0
            version = await ddl.installed_version(connection)
            return await reconcile.missing(connection, stream, place.table, keyed=place.keyed, version=version)

    def _read(self, piece: Sequence[asyncpg.Record]) -> Verdicts:
        rows: dict[int, Passed] = {}
        now_us = time.time_ns() // 1000
        refused: dict[int, tuple[str, str]] = {}
        for plan, some in groupby(piece, key=lambda row: self._plan_at(row["page_cursor"])):
            records = {row["id"]: row["raw"] for row in some}
            ids = list(records)
            if plan is None:
                refused |= dict.fromkeys(ids, ("parent_unknown", "nothing tells which parent it belongs to"))
                continue
            # Whatever its page was, a record in quarantine is JSON, as the core got it.
            encoder = _native.PageEncoder(msgspec.json.encode(array(plan)))
            read = read_records(encoder, self._chain, list(records.values()), now_us=now_us)
            read, lists = take_elements(read, self._elements, self._key, now_us=now_us)
            elements = zip(*(one.grouped() for one in lists), strict=True) if lists else repeat(())
            passed = map(Passed, read.rows, elements)
            rows |= {ids[index]: one for index, one in zip(read.indexes, passed, strict=True)}
            refused |= {ids[refusal.place]: _why(refusal, plan) for refusal in read.refusals}
        dropped = [row["id"] for row in piece if row["id"] not in rows and row["id"] not in refused]
        return Verdicts(rows, dropped, refused)


def _why(refusal: Refusal, plan: EncoderPlan) -> tuple[str, str]:
    if plan.format == "csv" and refusal.code == "not_an_object":
        return "csv_width", "the row has another number of values than the first line of its page names"
    return refusal.code, refusal.detail


def _of_stream(connection: Connection, stream: str, chosen: Chosen) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return quarantined.pieces(connection, msgspec.structs.replace(chosen, stream=stream))
