"""The sink `parquet`: a file for each batch in the table's folder, exactly once."""

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from datasync import hookspecs
from datasync.config import Settings
from datasync.config.spec import ParquetTo
from datasync.errors import ConfigError, SinkError
from datasync.failpoints import failpoint
from datasync.model import Column, EncoderPlan, Row
from datasync.plugins import Register
from datasync.sinks.files import disk
from datasync.sinks.files.store import FileStore, Place
from datasync.sinks.local import LocalSink

_TEMPORARY: Final = ".part.tmp"
"""Readers of a folder leave out what begins with a dot."""


class ParquetSink(LocalSink):
    """See `datasync.sinks.base.Sink`. Writes `TABLE/part-000001.parquet` and so on, and `TABLE.quarantine.jsonl`."""

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan) -> None:
        """Raise ConfigError for what files can't do, and if the library is missing."""
        if importlib.util.find_spec("pyarrow") is None:
            raise ConfigError(
                "the sink `parquet` needs pyarrow, which isn't installed", hint="pip install 'datasync[parquet]'"
            )
        folder = Path(settings.to.folder if isinstance(settings.to, ParquetTo) else ParquetTo().folder)
        place = Place.of(folder, settings.table.name)
        super().__init__(
            settings, stream, plan, FileStore(settings, plan.columns, place, lambda path: Parts(path, plan.columns))
        )


class Parts:
    """See `datasync.sinks.files.store.Shelf`. Ends are numbers of parts."""

    def __init__(self, path: Path | None, columns: Sequence[Column]) -> None:
        assert path is not None  # there is no folder that is stdout
        self._path = path
        self._columns = columns

    def empty(self) -> bool:
        """See Shelf."""
        return not self._path.exists() or (self._path.is_dir() and not any(self._path.iterdir()))

    def holds(self, end: int) -> bool:
        """See Shelf."""
        return all(self._part(number).is_file() for number in range(1, end + 1))

    def open(self, end: int) -> None:
        """See Shelf."""
        disk.make_folder(self._path)
        (self._path / _TEMPORARY).unlink(missing_ok=True)
        for path in self._path.glob("part-*.parquet"):
            if not (number := path.stem.removeprefix("part-")).isdecimal() or int(number) > end:
                path.unlink()
        disk.sync_folder(self._path)

    def write(self, end: int, pieces: Iterable[Sequence[Row]]) -> int:
        """See Shelf."""
        import pyarrow as pa  # noqa: PLC0415 - only who writes Parquet has it
        from pyarrow import parquet  # noqa: PLC0415

        from datasync.sinks.parquet import types  # noqa: PLC0415

        rows = types.table(types.schema(self._columns), self._columns, pieces)
        if not rows.num_rows:
            return end
        temporary = self._path / _TEMPORARY
        try:
            with temporary.open("wb") as file:
                parquet.write_table(rows, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
        except pa.ArrowException as error:
            raise SinkError(f"writing a part of `{self._path}`: {error}") from error
        failpoint("mid_copy")
        temporary.replace(self._part(end + 1))
        disk.sync_folder(self._path)
        return end + 1

    def close(self) -> None:
        """Nothing is held."""

    def _part(self, number: int) -> Path:
        return self._path / f"part-{number:06}.parquet"


@hookspecs.hookimpl
def register_sinks(register: Register) -> None:
    """Offer `parquet`."""
    register("parquet", ParquetSink)
