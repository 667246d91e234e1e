"""The ways in: a run, and another try for records in quarantine."""

import time
from collections.abc import Sequence

from datasync.config import Settings
from datasync.observe.report import INTERRUPTED, report
from datasync.pipeline import handles
from datasync.pipeline.shutdown import Stop
from datasync.pipeline.watchdog import Watchdog
from datasync.plugins import Plugins
from datasync.runs import many
from datasync.runs.many import Outcome
from datasync.runs.replay import replay
from datasync.runs.session import Session
from datasync.stats import RunStats, total

__all__ = ["Outcome", "ingest", "ingest_all", "replay"]


async def ingest(settings: Settings, plugins: Plugins) -> RunStats:
    """Run one stream to its end and report; see `ingest_all`."""
    (outcome,) = await ingest_all([settings], plugins)
    return outcome.stats


async def ingest_all(runs: Sequence[Settings], plugins: Plugins) -> list[Outcome]:
    """Run streams to their ends, in this order, and report. Obeys SIGTERM, SIGINT and SIGHUP while it runs.

    Raises:
        Interrupted: a signal ended the run; everything fetched in time is stored.
        EndpointsFailed: of several some failed; the others are complete.
        DatasyncError: anything else; see `errors` for what to do about each.
    """
    runs = [handles.fit(settings) for settings in runs]
    stop = Stop()
    outcomes: list[Outcome] = []
    started = time.monotonic()

    def last_word() -> None:
        report(INTERRUPTED, total(outcome.stats for outcome in outcomes), time.monotonic() - started)

    watchdog = Watchdog(stop, total=runs[0].shutdown.total, last_word=last_word)
    with stop.listening():
        async with watchdog, Session(plugins, stop) as session:
            await many.run(runs, session, outcomes)
    return outcomes
