"""A run of one endpoint, from its checkpoint to its end."""

import time

import structlog

from datasync.config import Settings
from datasync.errors import Interrupted, Paused
from datasync.http.client import HttpxTransport
from datasync.observe.report import COMPLETE, INTERRUPTED, PAUSED, report
from datasync.pipeline.flow import Flow
from datasync.pipeline.known import KnownPages
from datasync.pipeline.line import Part
from datasync.pipeline.memory import Memory
from datasync.pipeline.partition import Partition
from datasync.pipeline.shutdown import Stopped
from datasync.runs import parts
from datasync.runs.session import Session
from datasync.sinks.held import closing
from datasync.stats import RunStats


async def run(settings: Settings, session: Session, stats: RunStats, *, complete: str = COMPLETE) -> None:
    """Read one endpoint to its end and report, with `complete` as the message.

    Raises:
        Interrupted: a signal ended the run; everything fetched in time is stored.
        DatasyncError: anything else.
    """
    started = time.monotonic()
    plugins = session.plugins
    endpoint = parts.endpoint(settings, plugins)
    if settings.spec and (parent := settings.spec.parent):
        values = await parts.parents(session.tables[parent.endpoint], settings, plugins, endpoint)
        if not values:
            structlog.get_logger().info("nothing to read: the parent has no rows", parent=parent.endpoint)
            report(complete, stats, time.monotonic() - started)
            return
        endpoint = parts.of_parents(parent, values, settings, plugins)
    lane = parts.lane(endpoint, settings, plugins)
    sink = parts.sink(settings, plugins, endpoint)
    memory = Memory(settings.memory_bytes, lane.weight)
    known = KnownPages(settings.rounds)
    plugins.notify("run_started", stats=stats)
    structlog.get_logger().info(
        "ingestion started", stream=endpoint.name, lane=lane.name, transforms=settings.transforms
    )
    try:
        async with closing(sink):
            try:
                governor = await session.governor(settings, stats)
                wait, retries, thread = session.stop.wait, session.retries, session.thread
                async with HttpxTransport(settings, endpoint.auth) as transport:

                    def read(part: Part) -> Partition:
                        mine, its = parts.within(endpoint, lane, part)
                        return Partition(
                            part, mine, its, transport, governor, settings, stats, wait, retries, thread, memory, known
                        )

                    flow = Flow(
                        endpoint,
                        read,
                        sink,
                        settings,
                        stats,
                        session.stop,
                        memory,
                        known,
                        lambda batch, done: plugins.notify("batch_committed", batch=batch, committed=done, stats=stats),
                    )
                    fresh = await flow.run()
            except Paused:
                report(PAUSED, stats, time.monotonic() - started)
                raise
            except Stopped:
                report(INTERRUPTED, stats, time.monotonic() - started)
                raise Interrupted(session.stop.signal_number or 0) from None
    finally:
        plugins.notify("run_finished", stats=stats)
    if not fresh:
        structlog.get_logger().info(
            "the stream was read to its end before; nothing to do",
            hint="--restart reads it from the beginning"
            + ("; with `incremental` it is read on" if settings.spec else ""),
        )
    report(complete, stats, time.monotonic() - started)
