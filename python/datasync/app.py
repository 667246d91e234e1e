"""Puts the parts of a run together."""

import time

import structlog

from datasync.config import Settings
from datasync.endpoints.base import Endpoint
from datasync.errors import Interrupted
from datasync.http.budget import RetryBudget
from datasync.http.client import HttpxTransport
from datasync.limits.concurrency import Slots
from datasync.limits.governor import Governor
from datasync.limits.ledger import Ledger
from datasync.model import RunStats
from datasync.observe.report import report
from datasync.pipeline import lanes
from datasync.pipeline.flow import Flow
from datasync.pipeline.partition import Partition
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.plugins import Plugins, resolve
from datasync.sinks.base import Sink
from datasync.transforms.chain import Chain


async def ingest(settings: Settings, plugins: Plugins) -> RunStats:
    """Run one stream to its end and report. Obeys SIGTERM and SIGINT while it runs.

    Raises:
        Interrupted: a signal ended the run; everything fetched in time is stored.
        DatasyncError: anything else; see `errors` for what to do about each.
    """
    stop = Stop()
    stop.listen()
    stats = RunStats()
    started = time.monotonic()
    endpoint: Endpoint = resolve("endpoint", settings.endpoint, plugins.endpoints)(settings)
    chain = _chain(settings, plugins)
    lane = lanes.choose(endpoint.plan, chain)
    sink: Sink = resolve("sink", settings.sink, plugins.sinks)(settings, endpoint.name, endpoint.plan)
    governor = Governor(Slots(settings.slots), Ledger(time.monotonic), stats, stop.wait)
    budget = RetryBudget(time.monotonic)
    plugins.notify("run_started", stats=stats)
    structlog.get_logger().info(
        "ingestion started", stream=endpoint.name, lane=lane.name, transforms=settings.transforms
    )
    stop.on_request(lambda: stop.give_up_after(settings.shutdown.total, lambda: _interrupted(stats, started)))
    try:
        async with HttpxTransport(settings, endpoint.auth) as transport:
            partition = Partition(endpoint, lane, transport, governor, settings, stats, stop.wait, budget)
            flow = Flow(
                partition,
                sink,
                settings,
                stats,
                stop,
                lambda batch, committed: plugins.notify(
                    "batch_committed", batch=batch, committed=committed, stats=stats
                ),
            )
            fresh = await flow.run()
    except Stopped:
        _interrupted(stats, started)
        raise Interrupted(stop.signal_number or 0) from None
    finally:
        await sink.close()
        plugins.notify("run_finished", stats=stats)
    if not fresh:
        structlog.get_logger().info(
            "the stream was read to its end before; nothing to do", hint="--restart reads it from the beginning"
        )
    report("ingestion complete", stats, time.monotonic() - started)
    return stats


def _interrupted(stats: RunStats, started: float) -> None:
    report("ingestion interrupted", stats, time.monotonic() - started)


def _chain(settings: Settings, plugins: Plugins) -> Chain | None:
    if not settings.transforms:
        return None
    transforms = [(name, resolve("transform", name, plugins.transforms)) for name in settings.transforms]
    return Chain(transforms, mask=settings.mask)
