"""Code as plugin authors write it. It is type-checked, not run."""

from collections.abc import Sequence
from typing import Any

import click

import datasync
from datasync.config import Settings
from datasync.endpoints.base import Endpoint
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.executors.base import Executor, Job
from datasync.model import Batch, Committed, EncoderPlan
from datasync.pipeline.lanes import FastLane, Lane, RecordLane
from datasync.plugins import Register
from datasync.simulator import SimulatorProcess
from datasync.sinks.base import Sink
from datasync.sinks.postgres.sink import PostgresSink
from datasync.stats import RunStats
from datasync.testing.checks import (
    Driven,
    check_endpoint,
    check_sink,
    check_transform,
    example_settings,
    recorded,
)
from datasync.transforms.chain import Chain


@datasync.transform("typed")
def typed(record: dict[str, Any]) -> dict[str, Any] | None:
    return record if record.get("type") else None


@datasync.hookimpl
def register_transforms(register: Register) -> None:
    register("other", typed)


@datasync.hookimpl
def batch_committed(batch: Batch, committed: Committed, stats: RunStats) -> None:
    _: int = batch.row_count + committed.rows + stats.rows


class Reversed:
    """An executor of somebody's."""

    async def run(self, jobs: Sequence[Job]) -> None:
        for job in reversed(jobs):
            await job.run()


@datasync.hookimpl
def register_executors(register: Register) -> None:
    register("reversed", lambda _settings: Reversed())


@datasync.hookimpl
def register_commands(cli: click.Group) -> None:
    cli.add_command(click.Command("typed"))


def tested(api: SimulatorProcess) -> Executor:
    stored: dict[str, Any] | None = check_transform(typed, {"type": api.base_url})
    driven: Driven = check_endpoint(EventsEndpoint(example_settings()), [recorded({"data": stored})])
    check_sink(PostgresSink, example_settings(database_url=str(driven.rows)))
    return Reversed()


def parts(settings: Settings, plan: EncoderPlan) -> tuple[Endpoint, Sink, tuple[Lane, Lane]]:
    lanes = (FastLane(plan), RecordLane(plan, Chain([("typed", typed)])))
    return EventsEndpoint(settings), PostgresSink(settings, "stream", plan), lanes
