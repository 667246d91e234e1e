"""The sink `jsonl`: a file of JSON lines, exactly once; or stdout, at least once."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

from datasync import hookspecs
from datasync.config import Settings
from datasync.config.spec import JsonlTo
from datasync.errors import ConfigError
from datasync.model import EncoderPlan, PartitionState, Row
from datasync.plugins import Register
from datasync.sinks.files.disk import Grown, Poured, writable
from datasync.sinks.files.store import FileStore, Place
from datasync.sinks.jsonl.lines import Lines
from datasync.sinks.local import LocalSink

STDOUT: Final = "-"
"""The folder that is none."""


def pours(settings: Settings) -> bool:
    """Whether rows go to stdout."""
    return settings.sink == "jsonl" and _folder(settings) == STDOUT


def _folder(settings: Settings) -> str:
    return settings.to.folder if isinstance(settings.to, JsonlTo) else JsonlTo().folder


class JsonlSink(LocalSink):
    """See `datasync.sinks.base.Sink`. Writes `TABLE.jsonl` and `TABLE.quarantine.jsonl`.

    stdout has no state: each run begins at the beginning, and what a killed run wrote comes again.
    """

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan) -> None:
        """Raise ConfigError for what a file can't do."""
        lines = Lines(plan.columns)
        self._pours = _folder(settings) == STDOUT
        place = None if self._pours else Place.of(Path(_folder(settings)), settings.table.name, ".jsonl")
        super().__init__(
            settings, stream, plan, FileStore(settings, plan.columns, place, lambda path: JsonlShelf(path, lines))
        )

    async def connect(self) -> tuple[PartitionState, ...]:
        """See Sink. Raises ConfigError where stdout is closed: what the API gives would be lost."""
        if self._pours and not writable(1):
            raise ConfigError(
                "the rows go to standard output, which is closed", hint="leave it open, or name a folder under [sink]"
            )
        return await super().connect()

    async def open(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        if self._pours:
            structlog.get_logger().warning(
                "rows go to stdout, where nothing tells what came before: another run writes all of them again",
                hint="write to a folder to have each row once",
            )
        return await super().open()


class JsonlShelf:
    """See `datasync.sinks.files.store.Shelf`. Ends are bytes of the file."""

    def __init__(self, path: Path | None, lines: Lines) -> None:
        self._file = Poured(None) if path is None else Grown(path)
        self._lines = lines

    def empty(self) -> bool:
        """See Shelf."""
        return not self._file.size()

    def holds(self, end: int) -> bool:
        """See Shelf."""
        return (self._file.size() or 0) >= end

    def open(self, end: int) -> None:
        """See Shelf."""
        self._file.open(end)

    def write(self, end: int, pieces: Iterable[Sequence[Row]]) -> int:
        """See Shelf."""
        begin = end
        for rows in pieces:
            end = self._file.write(end, self._lines.encode(rows))
        if end > begin:
            self._file.sync(end)
        return end

    def close(self) -> None:
        """See Shelf."""
        self._file.close()


@hookspecs.hookimpl
def register_sinks(register: Register) -> None:
    """Offer `jsonl`."""
    register("jsonl", JsonlSink)
