"""The counters of a stream explain every record that was served, or the run doesn't end with 0."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.config import Secret, Settings
from datasync.model import Batch, Checkpoint, Chunk, Reject
from datasync.simulator import SimulatorOptions, SimulatorProcess
from datasync.sinks.postgres import reconcile
from datasync.sinks.postgres.sink import PostgresSink
from tests.events import PLAN
from tests.scripted import Answer, ScriptedApi, page
from tests.support import API_KEY, Database, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


@pytest.mark.parametrize("counter", ["served", "dropped"])
def test_a_row_edited_between_runs_keeps_the_stream_from_its_end_until_it_is_put_right(
    database: Database, counter: str
) -> None:
    broken = True

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page([f"a{n}" for n in range(10)], "second", total=20)
        return (500, {}, b"") if broken else page([f"b{n}" for n in range(10)], None, total=20)

    with ScriptedApi(script) as api:
        assert ingest(database.dsn, api.base_url, "--retry-for", "0").error["code"] == "server_error"
        broken = False
        database.execute(f"UPDATE cursor_state SET {counter} = {counter} + 3")
        for _ in range(2):
            run = ingest(database.dsn, api.base_url)
            assert run.code == 1, run.stderr
            assert run.error["code"] == "counts_differ"
            assert "don't add up" in run.error["event"]
            assert "--restart" in run.error["hint"]
            assert "ingestion complete" not in run.stderr
        database.execute(f"UPDATE cursor_state SET {counter} = {counter} - 3")
        run = ingest(database.dsn, api.base_url)
        assert run.code == 0, run.stderr
        assert api.asked[-1] == "second", "it went on from the checkpoint"
    assert database.value("SELECT count(*) FROM ingested_events") == 20


def test_a_row_edited_after_the_end_is_noticed_and_a_restart_counts_anew(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(SimulatorOptions(count=500, api_key=API_KEY, rate_limit="none"))
    assert ingest(database.dsn, api.base_url).code == 0
    database.execute("UPDATE cursor_state SET duplicates = 1")
    run = ingest(database.dsn, api.base_url)
    assert (run.code, run.error["code"]) == (1, "counts_differ"), run.stderr
    assert "500 stored + 0 replaced + 0 left as they were + 1 seen before" in run.error["event"]
    again = ingest(database.dsn, api.base_url, "--restart")
    assert again.code == 0, again.stderr
    assert ingest(database.dsn, api.base_url).code == 0


keys = st.integers(0, 12).map(str)
pages = st.builds(
    lambda stored, refused, dropped: Chunk(
        len(stored),
        len(stored),
        len(stored) + len(refused) + dropped,
        [Reject(None, 0, 0, "required_missing", "", raw.encode()) for raw in refused],
        None,
        None,
        None,
        None,
        None,
        rows=[(key, "click", None, "{}") for key in stored],
        dropped=dropped,
    ),
    st.lists(keys, max_size=6),
    st.lists(keys, max_size=4),
    st.integers(0, 3),
)
batches = st.lists(st.tuples(st.lists(pages, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=5)


def test_whatever_is_committed_the_counters_make_up_what_was_served(database: Database) -> None:
    url = Secret(database.dsn, source="test")

    async def play(story: list[tuple[list[Chunk], bool]], total: int) -> None:
        """Commit batches, some of which claim to be the last; after each of those another run goes on."""
        restart = True
        served = 0
        sink: PostgresSink | None = None
        for chunks, last in story:
            if sink is None:
                chosen = Settings(url, "http://unused", Secret("unused", source="test"), restart=restart)
                sink = PostgresSink(chosen, "datasync.events", PLAN)
                await sink.connect()
                await sink.open()
                restart = False
            batch = Batch(chunks, Checkpoint("c", None, 1, 1, total, last))
            await sink.commit(batch)  # checks the counters itself when it is the last one
            served += batch.records
            await reconcile.check_counts(sink._link.connection, "datasync.events")
            assert await sink._link.connection.fetchval("SELECT served FROM cursor_state") == served
            if last:
                await sink.close()
                sink = None
        if sink is not None:
            await sink.close()

    @settings(max_examples=15)
    @given(batches, st.integers(0, 40))
    def check(story: list[tuple[list[Chunk], bool]], total: int) -> None:
        asyncio.run(play(story, total))

    check()
