"""All endpoints of a configuration: they share an API's limits, and parents come first."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
import structlog

from datasync import contracts
from datasync.config import Settings
from datasync.errors import EXIT_SETUP, DatasyncError, EndpointsFailed, Interrupted, ParentIncomplete
from datasync.executors.base import Job, run_all
from datasync.observe.report import COMPLETE, report
from datasync.runs import one
from datasync.runs.session import Session
from datasync.stats import RunStats, total

ENDPOINT_COMPLETE: Final = "endpoint complete"
"""Of one among several; the word for the whole comes when all of them are."""


class Outcome(msgspec.Struct):
    """What became of an endpoint.

    Attributes:
        error: why it isn't complete, or None.
    """

    name: str
    stats: RunStats
    error: DatasyncError | None = None


async def run(runs: Sequence[Settings], session: Session, outcomes: list[Outcome]) -> None:
    """Read all endpoints. One that fails keeps only its children from being read.

    Args:
        runs: parents before their children.
        session: what they share.
        outcomes: filled with one for each.

    Raises:
        Interrupted: a signal ended the run; what was fetched in time is stored.
        DatasyncError: the endpoint failed, where there is only one.
        EndpointsFailed: some of several failed; each was reported.
    """
    # Of one endpoint there is nothing to decide, and still it is told what can't be.
    executor = contracts.made(session.plugins, "executor", runs[0].executor, runs[0])
    if len(runs) == 1:
        only = Outcome(_name(runs[0]), RunStats())
        outcomes.append(only)
        await one.run(runs[0], session, only.stats)
        return
    started = time.monotonic()
    jobs = []
    for settings in runs:
        outcome = Outcome(_name(settings), RunStats())
        outcomes.append(outcome)
        session.tables[outcome.name] = settings.table.name
        parent = settings.spec.parent if settings.spec else None
        after = frozenset([parent.endpoint] if parent else ())
        jobs.append(Job(outcome.name, partial(_run, settings, session, outcome, outcomes), after))
    await run_all(executor, jobs)
    if failed := [outcome for outcome in outcomes if outcome.error is not None]:
        raise _failed(failed, len(runs))
    report(COMPLETE, total(outcome.stats for outcome in outcomes), time.monotonic() - started)


async def _run(settings: Settings, session: Session, outcome: Outcome, outcomes: Sequence[Outcome]) -> None:
    """Read one endpoint. What goes wrong with it is its own."""
    with structlog.contextvars.bound_contextvars(endpoint=outcome.name):
        try:
            _check_parent(settings, outcomes)
            await one.run(settings, session, outcome.stats, complete=ENDPOINT_COMPLETE)
        except Interrupted:
            raise
        except DatasyncError as error:
            outcome.error = error
            hint = {"hint": error.hint} if error.hint else {}
            structlog.get_logger().error(str(error), code=error.code, **hint)


def _name(settings: Settings) -> str:
    return settings.spec.name if settings.spec else settings.endpoint


def _check_parent(settings: Settings, outcomes: Sequence[Outcome]) -> None:
    parent = settings.spec.parent if settings.spec else None
    if parent is None:
        return
    if any(outcome.name == parent.endpoint and outcome.error for outcome in outcomes):
        raise ParentIncomplete(
            f"`{_name(settings)}` wasn't read: its parent `{parent.endpoint}` isn't complete",
            hint="run again once the parent's error is mended; what is stored stays",
        )


def _failed(failed: Sequence[Outcome], count: int) -> EndpointsFailed:
    names = ", ".join(f"`{outcome.name}`" for outcome in failed)
    error = EndpointsFailed(f"{len(failed)} of {count} endpoints are not complete: {names}", hint="see above for why")
    codes = {outcome.error.exit_code for outcome in failed if outcome.error}
    if len(failed) == count and codes == {EXIT_SETUP}:
        error.exit_code = EXIT_SETUP
    return error
