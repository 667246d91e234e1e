"""Runs from Python: the same as `datasync ingest --config`, and the same structs."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from datasync import app, loop
from datasync.app import Outcome
from datasync.config.compile import runs
from datasync.config.file import read
from datasync.config.overrides import Overrides
from datasync.config.spec import Config
from datasync.errors import ConfigError
from datasync.observe import hosted
from datasync.plugins import Plugins

_NOTHING = Overrides()


def ingest(
    config: Config | Path | str, *, overrides: Overrides = _NOTHING, plugins: Iterable[Path] = ()
) -> Sequence[Outcome]:
    """Read all endpoints of a configuration to their ends, going on where the last run stopped. Blocks meanwhile.

    In the main thread it obeys signals as the command does; in any other it sets no handlers.

    Args:
        config: structs, or the path of a `datasync.toml`.
        overrides: what the command line's options say.
        plugins: files to load, besides the installed ones.

    Returns:
        What became of each endpoint, in the order in which they were read.

    Raises:
        ConfigError: the configuration can't be followed, or a loop is running: `await ingest_async()` there.
        DatasyncError: see `datasync.app.ingest_all`.
    """
    if _looping():
        raise ConfigError("an event loop is running already", hint="use `await datasync.ingest_async(...)`")
    return loop.run(ingest_async(config, overrides=overrides, plugins=plugins))


async def ingest_async(
    config: Config | Path | str, *, overrides: Overrides = _NOTHING, plugins: Iterable[Path] = ()
) -> Sequence[Outcome]:
    """See `ingest`."""
    with hosted.logging() as masked:
        known = config if isinstance(config, Config) else read(Path(config), os.environ)
        settings = runs(known, overrides=overrides)
        masked(settings[0].mask)
        return await app.ingest_all(settings, Plugins(plugins))


def _looping() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
