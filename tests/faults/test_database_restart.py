"""A database server that goes down while it is written to, in each way there is, and comes up again."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from datasync.config.schema import TableSettings
from datasync.sinks.postgres.sink import PostgresSink
from datasync.testing import EmbeddedPostgres
from tests import tables
from tests.running import Running
from tests.servers import SMALL, crash
from tests.support import Database
from tests.truth import STORING_AGAIN, Feed, ask, grown, holding, judge, rows

pytestmark = pytest.mark.usefixtures("memory", "workdir")

LAZY = {**SMALL, "synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}
"""Commits are told long before they are safe, so that a crash takes many of them back."""


STOPS: dict[str, Callable[[EmbeddedPostgres], None]] = {
    "fast": lambda server: os.kill(server.pid, signal.SIGINT),
    "immediate": EmbeddedPostgres.kill,
    "killed": crash,
}


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    """The server of these tests."""
    with EmbeddedPostgres(settings=SMALL) as server:
        yield server


@pytest.fixture
def server(own_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A server that a test may stop, started anew; each uses a database of its own."""
    own_server.restart()
    return own_server


@pytest.mark.fault(41)
def test_a_server_that_restarts_under_load_in_any_way_costs_no_row_and_no_request(
    api: Feed, server: EmbeddedPostgres
) -> None:
    dsn = server.create_database("restarts")
    with Running(dsn, api.base_url, "--durable") as run:
        for stop, down in STOPS.items():
            stored = rows(dsn)
            run.until(grown(dsn, stored), f"rows before the stop `{stop}`")
            said = len(run.lines(STORING_AGAIN))
            down(server)
            run.until_said(STORING_AGAIN, more_than=said)
            with api.silent():
                server.restart()
                run.until(grown(dsn, stored), f"rows after the stop `{stop}`")
        judge(run.end(), dsn, api)


@pytest.mark.fault(41)
def test_staging_that_a_crash_has_emptied_was_never_the_only_copy(api: Feed, server: EmbeddedPostgres) -> None:
    dsn = server.create_database("staging")
    upserts = "wait_event_type = 'Lock' AND datname = current_database() AND query ILIKE '%ingested_events%'"
    with Running(dsn, api.base_url, "--durable") as run:
        run.until(lambda: rows(dsn) > 0, "the first rows")
        with holding(dsn, "LOCK TABLE ingested_events IN SHARE MODE"):
            # The rows of a batch are in staging, and go no further.
            run.until(lambda: ask(dsn, f"SELECT FROM pg_stat_activity WHERE {upserts}"), "an upsert that waits")
            crash(server)
        server.restart()
        judge(run.end(), dsn, api)


@pytest.mark.fault(54)
def test_commits_that_a_crash_takes_back_are_fetched_again(api: Feed) -> None:
    with EmbeddedPostgres(settings=LAZY) as server:
        with Running(server.dsn, api.base_url) as run:
            run.until(lambda: rows(server.dsn) > 0, "the first rows")
            ask(server.dsn, "CHECKPOINT")  # the tables stay, whatever happens
            safe = rows(server.dsn)
            run.until(lambda: rows(server.dsn) >= safe + 1000, "rows that are not safe")
            with api.silent():
                crash(server)
                server.restart()
            result = run.end()
        # A sink whose commits all truncate a table loses nothing here: those the server makes safe at once.
        if result.code == 1:  # it may stop where the database is behind what it has been told; never go on over a gap
            assert result.error["code"] in ("commits_lost", "sink_unavailable", "rows_missing")
            with Running(server.dsn, api.base_url) as run:
                result = run.end()
        judge(result, server.dsn, api, again=True)


@pytest.mark.fault(54)
def test_a_crash_right_after_the_start_leaves_the_tables_and_the_stream_s_row() -> None:
    async def opened(server: EmbeddedPostgres) -> None:
        settings = tables.settings(Database(server.dsn, "postgres", server.dsn), TableSettings("t"))
        sink = PostgresSink(settings, "s", tables.plan())
        try:
            await sink.connect()
            await sink.open()
            crash(server)
        finally:
            await sink.close()

    with EmbeddedPostgres(settings=LAZY) as server:
        asyncio.run(opened(server))
        server.restart()
        assert [tuple(row) for row in ask(server.dsn, "SELECT epoch, batch FROM cursor_state")] == [(1, 0)]
        assert ask(server.dsn, "SELECT count(*) FROM t")[0][0] == 0
