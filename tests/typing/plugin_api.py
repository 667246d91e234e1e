"""Code as plugin authors write it. It is type-checked, not run."""

from typing import Any

import datasync
from datasync.config import Settings
from datasync.endpoints.base import Endpoint
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.model import Batch, Committed, EncoderPlan
from datasync.pipeline.lanes import FastLane, Lane, RecordLane
from datasync.plugins import Register
from datasync.sinks.base import Sink
from datasync.sinks.postgres.sink import PostgresSink
from datasync.stats import RunStats
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


def parts(settings: Settings, plan: EncoderPlan) -> tuple[Endpoint, Sink, tuple[Lane, Lane]]:
    lanes = (FastLane(plan), RecordLane(plan, Chain([("typed", typed)])))
    return EventsEndpoint(settings), PostgresSink(settings, "stream", plan), lanes
