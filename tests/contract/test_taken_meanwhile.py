"""What another run did between the moment at which a run looks and that at which it begins."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from datasync.config import Settings
from datasync.errors import ConfigError, RowsMissing
from datasync.model import PartitionState
from datasync.sinks.postgres.sink import PostgresSink
from tests.contract.test_sink_postgres import STREAM, batch, chunk, settings
from tests.events import PLAN
from tests.support import Database


def meanwhile(
    database: Database, mine: Settings, other: Callable[[PostgresSink], Awaitable[None]], theirs: Settings
) -> tuple[tuple[PartitionState, ...], tuple[PartitionState, ...]]:
    """What the run finds at first, and what it begins with once its connection broke and another run was there."""

    async def main() -> tuple[tuple[PartitionState, ...], tuple[PartitionState, ...]]:
        run, rival = PostgresSink(mine, STREAM, PLAN), PostgresSink(theirs, STREAM, PLAN)
        try:
            found = await run.connect()
            run._link.cut()
            try:
                await rival.connect()
                await rival.open()
                await other(rival)
            finally:
                await rival.close()
            return found, await run.open()
        finally:
            await run.close()

    return asyncio.run(main())


async def stores(sink: PostgresSink) -> None:
    await sink.commit(batch(1, chunk("a")))


async def nothing(_sink: PostgresSink) -> None: ...


def test_a_run_goes_on_where_another_one_got_to(database: Database) -> None:
    found, taken = meanwhile(database, settings(database), stores, settings(database))
    assert found == (PartitionState(),)
    assert taken[0].checkpoint.cursor == "cursor-1"


@pytest.mark.parametrize("other", [stores, nothing])
def test_the_checkpoint_of_another_api_is_not_taken_over(
    database: Database, other: Callable[[PostgresSink], Awaitable[None]]
) -> None:
    theirs = msgspec.structs.replace(settings(database), api_base_url="http://elsewhere")
    with pytest.raises(ConfigError, match="is that of http://elsewhere"):
        meanwhile(database, settings(database), other, theirs)
    assert database.value("SELECT source FROM cursor_state") == "http://elsewhere"
    assert database.value("SELECT epoch FROM cursor_state") == 1, "nothing was taken over"


def test_a_stream_that_was_completed_and_robbed_is_not_taken_for_whole(database: Database) -> None:
    async def completes(sink: PostgresSink) -> None:
        one = batch(1, chunk("a"))
        checkpoint = msgspec.structs.replace(one.checkpoint, complete=True)
        await sink.commit(msgspec.structs.replace(one, checkpoint=checkpoint))
        await asyncio.to_thread(database.execute, "DELETE FROM ingested_events")

    with pytest.raises(RowsMissing):
        meanwhile(database, settings(database), completes, settings(database))
