"""Another try for records in quarantine."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from datasync.config import Settings
from datasync.contracts import made
from datasync.endpoints.base import Endpoint
from datasync.endpoints.children import Children
from datasync.errors import EXIT_SETUP, ConfigError, DatasyncError, NotQuarantined
from datasync.model import EncoderPlan
from datasync.pipeline.replay import Replay
from datasync.plugins import Plugins
from datasync.runs import parts
from datasync.sinks.postgres import quarantined
from datasync.sinks.postgres.quarantined import Chosen
from datasync.sinks.postgres.replayed import Replayed


async def replay(
    runs: Sequence[Settings], plugins: Plugins, chosen: Chosen, *, dry: bool, settled: Callable[[str, Replayed], None]
) -> int:
    """Give records in quarantine another try, as `ingest` would read them now. Give how many a table lacks then.

    Args:
        runs: of the endpoints whose records they may be; their transforms are applied. Of a run without a configuration
            the endpoint may be any that a plugin offers.
        plugins: offer the endpoints.
        chosen: which records.
        dry: change nothing.
        settled: is told of each stream's transactions.

    Raises:
        NotQuarantined: none of the ids that are chosen is there.
        SinkBusy: a run of a stream is going on.
        DatasyncError: anything else. Its exit code is 2 if nothing was changed before.
    """
    database_url = runs[0].database_url
    changed = lacking = 0

    def note(stream: str, done: Replayed) -> None:
        nonlocal changed
        changed += not dry
        settled(stream, done)

    try:
        async with quarantined.connected(database_url) as connection:
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
            settings, endpoint = _reads(stream, runs, plugins)
            lists = settings.spec.table.children if settings.spec else ()
            chain = parts.chain(settings, plugins, endpoint)
            one = Replay(endpoint.plan, chain, thread, _of_parents(endpoint), lists)
            async with quarantined.connected(database_url) as connection:
                lacking += await one.run(connection, stream, chosen, dry=dry, settled=partial(note, stream))
    except DatasyncError as error:
        if not changed:
            error.exit_code = EXIT_SETUP
        raise
    return lacking


def _reads(stream: str, runs: Sequence[Settings], plugins: Plugins) -> tuple[Settings, Endpoint]:
    """The endpoint whose records those of `stream` are."""
    for settings in runs:
        names = (settings.endpoint,) if settings.spec else dict.fromkeys((settings.endpoint, *plugins.endpoints))
        for name in names:
            try:
                endpoint = made(plugins, "endpoint", name, settings)
            except Exception:
                if name == settings.endpoint:
                    raise
                continue  # one that wants more than we have; it may not be the one that is looked for
            if endpoint.name == stream:
                parent = settings.spec.parent if settings.spec else None
                return settings, parts.of_parents(parent, (), settings, plugins) if parent else endpoint
    raise ConfigError(
        f"no endpoint reads the stream `{stream}`", hint="load its plugin with --plugin, or name it with --endpoint"
    )


def _of_parents(endpoint: Endpoint) -> Callable[[str | None], EncoderPlan | None] | None:
    """What gives the plan of a record by the cursor of its page, where it isn't the same for all."""
    if not isinstance(endpoint, Children) or endpoint.into is None:
        return None
    return lambda cursor: None if cursor is None else endpoint.plan_of(endpoint.value(cursor))
