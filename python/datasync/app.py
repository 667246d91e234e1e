"""Puts the parts of a run together."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

import structlog

from datasync.config import Settings
from datasync.endpoints.base import Endpoint
from datasync.errors import EXIT_SETUP, ConfigError, DatasyncError, Interrupted, NotQuarantined, Paused
from datasync.http.budget import RetryBudget
from datasync.http.client import HttpxTransport
from datasync.limits.concurrency import AdaptiveSlots, SeedSlots, Slots
from datasync.limits.governor import Governor
from datasync.limits.shared import shared_budget
from datasync.limits.sharing import SharedBuckets
from datasync.observe.report import COMPLETE, INTERRUPTED, PAUSED, report
from datasync.pipeline import handles, lanes
from datasync.pipeline.flow import Flow
from datasync.pipeline.memory import Memory
from datasync.pipeline.partition import Partition
from datasync.pipeline.replay import Replay
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.pipeline.watchdog import Watchdog
from datasync.plugins import Plugins, blamed, resolve
from datasync.sinks.base import Sink
from datasync.sinks.postgres import quarantined
from datasync.sinks.postgres.quarantined import Chosen
from datasync.sinks.postgres.replayed import Replayed
from datasync.stats import RunStats
from datasync.transforms.chain import Chain


async def ingest(settings: Settings, plugins: Plugins) -> RunStats:
    """Run one stream to its end and report. Obeys SIGTERM, SIGINT and SIGHUP while it runs.

    Raises:
        Interrupted: a signal ended the run; everything fetched in time is stored.
        DatasyncError: anything else; see `errors` for what to do about each.
    """
    settings = handles.fit(settings)
    stop = Stop()
    stats = RunStats()
    started = time.monotonic()
    watchdog = Watchdog(stop, total=settings.shutdown.total, last_word=lambda: _interrupted(stats, started))
    with stop.listening():
        async with watchdog:
            return await _ingest(settings, plugins, stop, stats, started)


async def _ingest(settings: Settings, plugins: Plugins, stop: Stop, stats: RunStats, started: float) -> RunStats:
    chain = _chain(settings, plugins)
    with blamed(f"the endpoint `{settings.endpoint}`"):
        endpoint: Endpoint = resolve("endpoint", settings.endpoint, plugins.endpoints)(settings)
        lane = lanes.choose(endpoint.plan, chain)
    with blamed(f"the sink `{settings.sink}`"):
        sink: Sink = resolve("sink", settings.sink, plugins.sinks)(settings, endpoint.name, endpoint.plan)
    budget = RetryBudget(time.monotonic)
    memory = Memory(settings.memory_bytes, lane.weight)
    plugins.notify("run_started", stats=stats)
    structlog.get_logger().info(
        "ingestion started", stream=endpoint.name, lane=lane.name, transforms=settings.transforms
    )
    try:
        async with AsyncExitStack() as stack:
            shared = await _shared(settings, stack)
            governor = Governor(_slots(settings), stats, stop.wait, max_wait=settings.limits.max_wait, shared=shared)
            transport = await stack.enter_async_context(HttpxTransport(settings, endpoint.auth))
            # Not the loop's own executor, whose end the loop waits for: a transform that hangs must not hold the run.
            thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
            flow = Flow(
                endpoint,
                lambda part: Partition(
                    part, endpoint, lane, transport, governor, settings, stats, stop.wait, budget, thread, memory
                ),
                sink,
                settings,
                stats,
                stop,
                memory,
                lambda batch, committed: plugins.notify(
                    "batch_committed", batch=batch, committed=committed, stats=stats
                ),
            )
            fresh = await flow.run()
    except Paused:
        report(PAUSED, stats, time.monotonic() - started)
        raise
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
    report(COMPLETE, stats, time.monotonic() - started)
    return stats


async def replay(
    settings: Settings, plugins: Plugins, chosen: Chosen, *, dry: bool, settled: Callable[[str, Replayed], None]
) -> int:
    """Give records in quarantine another try, as `ingest` would read them now. Give how many a table lacks then.

    Args:
        settings: of a run; its transforms are applied.
        plugins: offer the endpoint of each stream.
        chosen: which records.
        dry: change nothing.
        settled: is told of each stream's transactions.

    Raises:
        NotQuarantined: none of the ids that are chosen is there.
        SinkBusy: a run of a stream is going on.
        DatasyncError: anything else. Its exit code is 2 if nothing was changed before.
    """
    chain = _chain(settings, plugins)
    changed = lacking = 0

    def note(stream: str, done: Replayed) -> None:
        nonlocal changed
        changed += not dry
        settled(stream, done)

    try:
        async with quarantined.connected(settings.database_url) as connection:
            there = await quarantined.exists(connection)
            streams = await quarantined.streams(connection, chosen) if there else ()
        if chosen.ids and not streams:
            raise NotQuarantined(
                f"not in quarantine: {', '.join(map(str, chosen.ids[:10]))}",
                hint="`datasync quarantine list` shows what is; a record that was replayed is there no more",
            )
        # Not the loop's own executor, whose end the loop waits for.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        for stream in streams:
            one = Replay(_endpoint_of(stream, settings, plugins).plan, chain, thread)
            async with quarantined.connected(settings.database_url) as connection:
                lacking += await one.run(connection, stream, chosen, dry=dry, settled=partial(note, stream))
    except DatasyncError as error:
        if not changed:
            error.exit_code = EXIT_SETUP
        raise
    return lacking


def _endpoint_of(stream: str, settings: Settings, plugins: Plugins) -> Endpoint:
    for name in dict.fromkeys((settings.endpoint, *plugins.endpoints)):
        try:
            endpoint: Endpoint = resolve("endpoint", name, plugins.endpoints)(settings)
        except Exception:
            if name == settings.endpoint:
                raise
            continue  # one that wants more than we have; it may not be the one that is looked for
        if endpoint.name == stream:
            return endpoint
    raise ConfigError(
        f"no endpoint reads the stream `{stream}`", hint="load its plugin with --plugin, or name it with --endpoint"
    )


def _interrupted(stats: RunStats, started: float) -> None:
    report(INTERRUPTED, stats, time.monotonic() - started)


async def _shared(settings: Settings, stack: AsyncExitStack) -> SharedBuckets | None:
    if not settings.limits.shared:
        return None
    budget = shared_budget(settings, settings.api_base_url, _awake)
    return SharedBuckets(await stack.enter_async_context(budget))


def _awake() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _slots(settings: Settings) -> Slots:
    rules = SeedSlots if settings.limits.concurrency == "seed" else AdaptiveSlots
    return rules(settings.slots)


def _chain(settings: Settings, plugins: Plugins) -> Chain | None:
    if not settings.transforms:
        return None
    transforms = [(name, resolve("transform", name, plugins.transforms)) for name in settings.transforms]
    return Chain(transforms, mask=settings.mask)
