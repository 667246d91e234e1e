"""`datasync check`: the files that rows would go to. Makes none."""

import os
from pathlib import Path

import msgspec

from datasync.cli.check_finding import Finding, Found, failed, ok
from datasync.config import Settings
from datasync.config.spec import DuckDbTo, JsonlTo, ParquetTo
from datasync.errors import ConfigError, DatasyncError, SchemaMismatch
from datasync.plugins import Plugins
from datasync.runs import parts
from datasync.sinks.files.store import Place
from datasync.sinks.jsonl.sink import STDOUT


async def look(settings: Settings, plugins: Plugins, found: Found) -> None:
    """Look whether a run of this endpoint could store rows, where they go to files. Of other sinks nothing is said.

    The state is read as a run reads it: what is wrong with it, and who has it, is found, and what a run that was killed
    while it put rows in place has left to do is done.
    """
    if isinstance(settings.to, JsonlTo | ParquetTo | DuckDbTo):
        try:
            found(await _judged(settings, plugins))
        except DatasyncError as error:
            found(failed("sink", error, hint="a run would end with this, too"))


async def _judged(settings: Settings, plugins: Plugins) -> Finding:
    endpoint = parts.endpoint(settings, plugins)
    if settings.spec and settings.spec.parent:
        endpoint = parts.of_parents(settings.spec.parent, (), settings, plugins)
    now = msgspec.structs.replace(settings, write=msgspec.structs.replace(settings.write, wait=False))
    sink = parts.sink(now, plugins, endpoint)
    try:
        if isinstance(settings.to, JsonlTo) and settings.to.folder == STDOUT:
            return ok("sink", "rows go to stdout")
        live = _live(settings)
        _refuse_unwritable(live)
        await sink.connect()
        if not isinstance(settings.to, DuckDbTo):
            _refuse_foreign(settings)
    finally:
        await sink.close()
    return ok("sink", f"`{live}` {'can be written to' if live.exists() else 'can be made'}")


def _place(settings: Settings) -> Place:
    assert isinstance(settings.to, JsonlTo | ParquetTo)
    suffix = ".jsonl" if isinstance(settings.to, JsonlTo) else ""
    return Place.of(Path(settings.to.folder), settings.table.name, suffix)


def _live(settings: Settings) -> Path:
    return Path(settings.to.path) if isinstance(settings.to, DuckDbTo) else _place(settings).live


def _refuse_unwritable(live: Path) -> None:
    """Raise ConfigError if neither the file nor those around it can be made or written to."""
    folder = live.absolute().parent
    while not folder.exists():
        folder = folder.parent
    hint = "name a folder that this user may write to"
    if not folder.is_dir():
        raise ConfigError(f"`{folder}` is no folder, so `{live}` can't be made", hint=hint)
    for path in (folder, live):
        if path.exists() and not os.access(path, os.W_OK | (os.X_OK if path.is_dir() else 0)):
            raise ConfigError(f"`{path}` can't be written to", hint=hint)


def _refuse_foreign(settings: Settings) -> None:
    """Raise what the beginning of a run would, about files that datasync didn't write."""
    place = _place(settings)
    if (place.home / "state.sqlite").exists():
        return
    filled = any(place.live.iterdir()) if place.live.is_dir() else place.live.exists() and place.live.stat().st_size
    if filled or (place.rejects.exists() and place.rejects.stat().st_size):
        raise SchemaMismatch(
            f"`{place.live}` or its quarantine is there already, and no state says that datasync wrote it",
            hint="move it away, or write to another table or folder",
        )
