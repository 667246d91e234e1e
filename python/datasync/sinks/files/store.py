"""Rows and rejects in files, with a state that says up to where they count."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from datasync.config import Settings
from datasync.errors import ConfigError, RowsMissing, SchemaMismatch
from datasync.failpoints import failpoint
from datasync.model import Batch, Column, Row
from datasync.sinks.books import Books, There
from datasync.sinks.counts import Put
from datasync.sinks.files import disk, rejects
from datasync.sinks.files.disk import Grown, Poured
from datasync.sinks.files.state import Held, State
from datasync.sinks.tuples import rows_of


class Shelf(Protocol):
    """Rows in a file or a folder. What is beyond the `end` that its user knows was never committed."""

    def empty(self) -> bool:
        """Whether there is no file, or nothing in it."""
        ...

    def holds(self, end: int) -> bool:
        """Whether all up to `end` is there."""
        ...

    def open(self, end: int) -> None:
        """Create it, or take away what is beyond `end`."""
        ...

    def write(self, end: int, pieces: Iterable[Sequence[Row]]) -> int:
        """Put rows behind `end`; they are on the disk on return. Give the new end."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class Place(msgspec.Struct, frozen=True):
    """Where the files of a table are.

    Attributes:
        live: the file or folder of rows that people read.
        home: the folder of the state. A lock on it keeps other runs out.
        rejects: the file of quarantined records.
    """

    live: Path
    home: Path
    rejects: Path

    @classmethod
    def of(cls, folder: Path, table: str, suffix: str = "") -> "Place":
        """In `folder`, by the table's name."""
        return cls(folder / f"{table}{suffix}", folder / f"{table}.datasync", folder / f"{table}.quarantine.jsonl")

    @property
    def next(self) -> Path:
        """Where the rows of a replacing run are until it is complete."""
        return self.home / f"next{self.live.suffix}"

    @property
    def old(self) -> Path:
        """Where those are that it takes the place of, until they are removed."""
        return self.home / f"old{self.live.suffix}"


def check(settings: Settings, columns: Sequence[Column]) -> None:
    """Raise ConfigError for what files can't do."""
    table, rule = settings.table, settings.write.on_conflict.rule
    if rule != "nothing":
        raise ConfigError(
            f"--on-conflict {rule} replaces rows, and a row in a file can't be replaced",
            hint="leave it out: the first row of a key stays; or write to PostgreSQL or DuckDB",
        )
    if table.mode == "merge" and not any(column.key for column in columns):
        raise ConfigError(
            "no column is the key, so that a record that comes again couldn't be told",
            hint='name one, or have the table take all with mode = "append"',
        )
    if not table.name or table.name.startswith(".") or any(bad in table.name for bad in "/\\\0"):
        raise ConfigError(
            f"the table `{table.name}` can't be a file's name", hint="leave out slashes, and a dot at the beginning"
        )


class FileStore:
    """See `datasync.sinks.local.Store`. With no place it writes to stdout, and keeps nothing of what it wrote."""

    keeps_known = True

    def __init__(
        self,
        settings: Settings,
        columns: Sequence[Column],
        place: Place | None,
        shelf: Callable[[Path | None], Shelf],
    ) -> None:
        """Take what makes a shelf at a path. Raise ConfigError for what files can't do."""
        check(settings, columns)
        table = settings.table
        self._name = table.name
        self._columns = columns
        keys = [index for index, column in enumerate(columns) if column.key]
        self._key = keys[0] if keys and table.mode != "append" else None
        self._replaces = table.mode == "replace" and place is not None
        self._afresh = settings.restart and self._replaces
        self._place = place
        self._live = shelf(place.live if place else None)
        self._shelf = shelf(place.next) if place and self._replaces else self._live
        self._rejects = Grown(place.rejects) if place else Poured(Path(f"{table.name}.quarantine.jsonl"))
        self._state = State(place.home / "state.sqlite" if place else None)
        self._held = Held()
        self._lock: int | None = None
        self._stream = ""

    def connect(self) -> Books | None:
        """See Store."""
        with disk.mapped(f"reading the state of `{self._name}`"):
            if self._place is None or not self._place.home.is_dir():
                return None
            self._take_lock(self._place)
            found = self._state.read()
            if found is None:
                return None
            books, self._held = found
            if not self._afresh:
                self._check_whole(self._place, books)
            self.settle()  # what a run that was killed left to do
            return books

    def open(self, books: Books, *, anew: bool) -> None:
        """See Store."""
        self._stream = books.identity.stream
        with disk.mapped(f"preparing the files of `{self._name}`"):
            if self._place is not None:
                disk.make_folder(self._place.home)
                self._take_lock(self._place)
                if self._state.read() is None:
                    self._refuse_foreign(self._place)
            self._state.create()
            with self._state.transaction():
                if anew and self._replaces:
                    self._state.forget_keys()
                    self._held = msgspec.structs.replace(self._held, end=0, rows=0)
                self._state.save(books, self._held)
            self._rejects.open(self._held.reject_end)
            self._shelf.open(self._held.end)

    @contextmanager
    def transaction(self, books: Books) -> Iterator[None]:
        """See Store."""
        held = self._held
        entered = False  # else another run has it, and what is there is that one's
        try:
            with disk.mapped("storing a batch"), self._state.transaction(books):
                entered = True
                yield
        except BaseException:
            self._held = held
            if entered:
                with suppress(OSError):  # the next run does it, too
                    self._shelf.open(held.end)
                    self._rejects.open(held.reject_end)
            raise

    def put(self, batch: Batch, number: int) -> Put:
        """See Store."""
        inserted = 0

        def pieces() -> Iterator[Sequence[Row]]:
            # Page by page: a batch needs no second copy of itself as Python objects.
            nonlocal inserted
            for chunk in batch.chunks:
                rows = self._new(rows_of(chunk, self._columns))
                inserted += len(rows)
                if rows:
                    yield rows

        held = self._held
        end = self._shelf.write(held.end, pieces())
        failpoint("copy_done")
        kept = [reject for reject in batch.rejects if self._state.new_reject(rejects.digest(reject), number)]
        reject_end = held.reject_end
        if kept:
            reject_end = self._rejects.write(reject_end, rejects.lines(self._stream, kept))
            self._rejects.sync(reject_end)
            failpoint("quarantine_written")
        self._held = Held(end, held.rows + inserted, reject_end)
        return Put(inserted=inserted, left=batch.row_count - inserted, kept=len(kept))

    def there(self, first_batch: int) -> There:
        """See Store."""
        return There(None if self._key is None else self._held.rows, self._state.rejects(first_batch))

    def save(self, books: Books) -> None:
        """See Store."""
        self._state.save(books, self._held)
        failpoint("checkpoint_written")

    def finish(self) -> None:
        """See Store."""
        if self._replaces:
            self._held = msgspec.structs.replace(self._held, due=True)

    def settle(self) -> None:
        """See Store."""
        if self._place is None or not self._held.due:
            return
        with disk.mapped(f"putting the rows of `{self._name}` in place"):
            self._shelf.close()
            _swap(self._place)
            self._held = msgspec.structs.replace(self._held, due=False)
            found = self._state.read()
            assert found is not None  # it is what said so
            with self._state.transaction():
                self._state.save(found[0], self._held)

    def close(self) -> None:
        """See Store."""
        for part in (self._shelf, self._rejects, self._state):
            part.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self, place: Place) -> None:
        if self._lock is None:
            self._lock = disk.lock(place.home, f"`{place.live}`")

    def _check_whole(self, place: Place, books: Books) -> None:
        # The rows of a replacing run move when it is complete.
        moved = self._replaces and books.complete and not place.next.exists()
        holds = (self._live if moved else self._shelf).holds(self._held.end)
        if not holds or (self._rejects.size() or 0) < self._held.reject_end:
            raise RowsMissing(
                f"`{place.live}` or its quarantine no longer holds what was stored there",
                hint=f"put it back; or move it and `{place.home}` away, and run again to read from the beginning",
            )

    def _refuse_foreign(self, place: Place) -> None:
        if not self._live.empty() or self._rejects.size():
            raise SchemaMismatch(
                f"`{place.live}` or its quarantine is there already, and no state says that datasync wrote it",
                hint="move it away, or write to another table or folder",
            )

    def _new(self, rows: Sequence[Row]) -> Sequence[Row]:
        if self._key is None:
            return rows
        keys: list[Any] = [row[self._key] for row in rows]
        new = self._state.new_keys(keys)
        return [row for row, fresh in zip(rows, new, strict=True) if fresh]


def _swap(place: Place) -> None:
    """Have the rows at `next` take the place of those that people read. Goes on where a killed run was."""
    if place.next.is_dir() and place.live.exists():  # a folder can't be renamed onto another
        _remove(place.old)
        place.live.rename(place.old)
    if place.next.exists():
        place.next.replace(place.live)
    for folder in (place.live.parent, place.home):
        disk.sync_folder(folder)
    _remove(place.old)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
