"""Databases made anew for each round, and encoded rows written by our own sink, with no API."""

import asyncio
from collections.abc import Sequence
from itertools import count

from datasync import loop
from datasync.config import Secret, Settings
from datasync.config.schema import BatchSettings, WriteSettings
from datasync.model import Checkpoint, Chunk, Committed
from datasync.pipeline.outbox import Outbox
from datasync.sinks.postgres.sink import PostgresSink
from tests.events import PLAN
from tests.support import Database

STREAM = "datasync.events"

_numbers = count(1)


class Target:
    """A database that is made anew for each run."""

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self.database = self._create()

    def _create(self) -> Database:
        return Database.create(self._server_dsn, f"bench_{next(_numbers)}")

    def renew(self) -> None:
        """Drop it, make another, and let the server write back what it owes."""
        self.database.drop()
        self.database = self._create()
        self.database.execute("CHECKPOINT")


def settings(dsn: str, base_url: str, write: WriteSettings, *, restart: bool = False) -> Settings:
    """Of a run that never waits for an API."""
    key = Secret("bench", source="bench")
    return Settings(Secret(dsn, source="bench"), base_url, key, restart=restart, write=write, max_rejects=1.0)


def store(chunks: Sequence[Chunk], dsn: str, write: WriteSettings, *, restart: bool = False) -> list[Committed]:
    """Store `chunks` as a run does: by way of the box, with as many writers as the sink has."""
    done: list[Committed] = []

    async def main() -> None:
        sink = PostgresSink(settings(dsn, "http://unused", write, restart=restart), STREAM, PLAN)
        await sink.connect()
        await sink.open()
        box = Outbox(BatchSettings())

        async def fill() -> None:
            for number, chunk in enumerate(chunks):
                await box.put(0, chunk, Checkpoint(str(number), pages=number))
            await box.close()

        async def empty() -> None:
            while (batch := await box.take()) is not None:
                done.append(await sink.commit(batch))

        async with asyncio.TaskGroup() as group:
            group.create_task(fill())
            for _ in range(sink.writers):
                group.create_task(empty())
        await sink.close()

    loop.run(main())
    return done
