"""A sink for any table, driven without an API."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from datasync.config import Secret, Settings
from datasync.config.schema import RoundSettings, TableSettings, WriteSettings
from datasync.config.spec import EndpointSpec
from datasync.model import Batch, Checkpoint, Chunk, Column, Committed, EncoderPlan, PartitionState
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database

KEYED = (Column("id", "id", "bigint", required=True, key=True), Column("name", "name", "text"))
FREE = (Column("id", "id", "bigint"), Column("name", "name", "text"))


def plan(columns: Sequence[Column] = KEYED) -> EncoderPlan:
    return EncoderPlan(records="", columns=tuple(columns))


def settings(
    database: Database,
    table: TableSettings,
    *,
    rounds: RoundSettings | None = None,
    write: WriteSettings | None = None,
    restart: bool = False,
    spec: EndpointSpec | None = None,
) -> Settings:
    url, key = Secret(database.dsn, source="test"), Secret("unused", source="test")
    return Settings(
        url,
        "http://unused",
        key,
        restart=restart,
        table=table,
        rounds=rounds or RoundSettings(),
        write=write or WriteSettings(),
        spec=spec,
    )


def page(*rows: tuple[Any, ...], dropped: int = 0) -> Chunk:
    return Chunk(len(rows), 10, len(rows) + dropped, [], None, None, None, None, None, rows=list(rows), dropped=dropped)


def last(*rows: tuple[Any, ...], to: Checkpoint | None = None) -> Batch:
    return Batch([page(*rows)], msgspec.structs.replace(to or Checkpoint("end"), complete=True))


def more(*rows: tuple[Any, ...], to: Checkpoint | None = None) -> Batch:
    return Batch([page(*rows)], to or Checkpoint("on"))


def run(
    chosen: Settings,
    columns: Sequence[Column] = KEYED,
    use: Callable[[PostgresSink], Awaitable[None]] | None = None,
    *,
    stream: str = "s",
) -> tuple[PartitionState, ...]:
    """One run: what it begins with. Connecting and opening must agree."""

    async def main() -> tuple[PartitionState, ...]:
        sink = PostgresSink(chosen, stream, plan(columns))
        try:
            begun = await sink.connect()
            assert await sink.open() == begun
            if use is not None:
                await use(sink)
            return begun
        finally:
            await sink.close()

    return asyncio.run(main())


def stores(*batches: Batch) -> Callable[[PostgresSink], Awaitable[None]]:
    """Commits batches, as many at a time as there are writers."""

    async def use(sink: PostgresSink) -> None:
        await commit(sink, batches)

    return use


async def commit(sink: PostgresSink, batches: Sequence[Batch]) -> list[Committed]:
    async def result(work: Awaitable[Committed]) -> Committed:
        return await work

    works = [sink.commit(batch) for batch in batches]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(result(work)) for work in works]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
