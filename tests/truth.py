"""The judge of the database's faults: what the API served against what the database holds and says it holds."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from datasync.simulator.served import Served
from tests.support import API_KEY, Run

PAGE = 200
STORING_AGAIN = "storing again"
"""The warning about a batch that has to be stored once more."""

TABLE = """
CREATE TABLE ingested_events (
    id TEXT PRIMARY KEY, event_type TEXT, "timestamp" TIMESTAMPTZ, data JSONB NOT NULL,
    ingested_at TIMESTAMPTZ DEFAULT now()
);
"""
"""The user's own table, for tests that need it before the run makes it."""


def feed(count: int = 4000, *, page_cap: int = PAGE, latency: float = 0.03, **more: Any) -> SimulatorOptions:
    """An API without a rate limit whose pages come slowly enough to do harm in between."""
    return SimulatorOptions(
        count=count, api_key=API_KEY, page_cap=page_cap, latency=latency, rate_limit="none", prerender="none", **more
    )


class Feed:
    """An API as one test sees it: what others asked for before doesn't count."""

    def __init__(self, process: SimulatorProcess) -> None:
        self.base_url = process.base_url
        self.options = process.options
        self._process = process
        self._before = len(process.served())

    def served(self) -> list[Served]:
        """The answers since the test began."""
        return self._process.served(self._before)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """No answers for a moment, so that what takes the test some time isn't overtaken by the end of the feed."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)


def as_role(dsn: str, role: str) -> str:
    """The address for another role, whose password is its name."""
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{role}:{role}@{place}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def ask(dsn: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    """One statement on a connection of its own."""

    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(run())


def rows(dsn: str) -> int:
    """Rows in the target so far; 0 while there is no table."""
    if not ask(dsn, "SELECT to_regclass('ingested_events') IS NOT NULL")[0][0]:
        return 0
    count: int = ask(dsn, "SELECT count(*) FROM ingested_events")[0][0]
    return count


def grown(dsn: str, than: int) -> Callable[[], bool]:
    """Whether there are more rows by now."""
    return lambda: rows(dsn) > than


def judge(run: Run, dsn: str, api: Feed | SimulatorProcess, *, poison: Sequence[str] = (), again: bool = False) -> None:
    """The run ended well: every event served is in the table or, as `poison`, in quarantine, and the counts say so.

    With `again` this run went on where another stopped. Otherwise its own report must say the same, and no page may
    have been asked for twice: what the database didn't take is still in memory.
    """
    assert run.code == 0, run.stderr
    order = Dataset(api.options.seed, api.options.count).ids()
    answers = [answer for answer in api.served() if answer.endpoint == "events" and answer.status == 200]
    served = [order[n] for a in answers if a.first is not None for n in range(a.first, a.first + a.count)]
    stored = [row[0] for row in ask(dsn, "SELECT id FROM ingested_events")]
    assert len(stored) == len(set(stored))
    assert set(stored) == set(served) - set(poison)
    assert set(served) == set(order)
    if not again:
        assert len(served) == len(order), "pages were asked for twice"
    state = ask(dsn, "SELECT * FROM cursor_state WHERE stream IS NOT NULL")
    assert len(state) == 1
    counts = dict(state[0])
    assert counts["complete"]
    parts = ("events_ingested", "duplicates", "quarantined", "dropped")
    assert sum(counts[name] for name in parts) == counts["served"] == len(order), counts
    assert [counts[name] for name in parts] == [len(stored), 0, len(poison), 0], counts
    if not again:
        done = run.line("ingestion complete")
        assert (done["rows"], done["duplicates"], done["quarantined"]) == (len(stored), 0, len(poison))


@contextmanager
def holding(dsn: str, statement: str) -> Iterator[Callable[[str], None]]:
    """Somebody else's open transaction that has done `statement`, rolled back at the end. Gives a way to do more."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn, timeout=10))
        try:
            runner.run(connection.execute(f"BEGIN; {statement}"))

            def then(more: str) -> None:
                runner.run(connection.execute(more))

            yield then
        finally:
            connection.terminate()
