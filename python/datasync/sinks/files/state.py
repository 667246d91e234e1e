"""The state beside the files: a SQLite database, so that books, keys and what the files hold change together.

SQLite's commit waits for the disk. It comes after the files' own, so that they hold at least what the state says.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from datasync.errors import SinkError
from datasync.sinks import lease
from datasync.sinks.books import Books

_TABLES = """
CREATE TABLE IF NOT EXISTS state (
    epoch INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    books BLOB NOT NULL,
    held  BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS keys (key NOT NULL PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rejects (digest BLOB NOT NULL PRIMARY KEY, batch INTEGER NOT NULL) WITHOUT ROWID;
"""


class Held(msgspec.Struct, frozen=True):
    """What the files hold, up to where they count.

    Attributes:
        end: of the rows: bytes of a file, or parts in a folder.
        rows: in there.
        reject_end: bytes of the file of rejects.
        due: the rows of a replacing run are complete, and must take the others' place.
    """

    end: int = 0
    rows: int = 0
    reject_end: int = 0
    due: bool = False


class State:
    """The database at `path`, or a passing one where there is none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def read(self) -> tuple[Books, Held] | None:
        """What was saved last; None where nothing was. Creates nothing."""
        if self._path is None or not self._path.exists():
            return None
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone():
            return None
        row = self._db.execute("SELECT books, held FROM state").fetchone()
        if row is None:
            return None
        try:
            return msgspec.json.decode(row[0], type=Books), msgspec.json.decode(row[1], type=Held)
        except msgspec.DecodeError as error:
            raise SinkError(
                f"the state in `{self._path}` can't be read: {error}",
                hint="was it written by a newer version? Else move it and the rows away, and read from the beginning",
            ) from error

    def create(self) -> None:
        """Make what isn't there."""
        self._db.executescript(_TABLES)
        if "batch" not in [row[1] for row in self._db.execute("PRAGMA table_info(rejects)")]:
            self._db.execute("ALTER TABLE rejects ADD COLUMN batch INTEGER NOT NULL DEFAULT 0")  # of an older version

    @contextmanager
    def transaction(self, books: Books | None = None) -> Iterator[None]:
        """All or nothing, on top of `books`.

        Raises:
            LeaseLost: others were saved meanwhile.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if books is not None:
                self._check(books)
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def save(self, books: Books, held: Held) -> None:
        """Save, in a transaction."""
        self._db.execute("DELETE FROM state")
        self._db.execute(
            "INSERT INTO state VALUES (?, ?, ?, ?)",
            (books.epoch, books.batch, msgspec.json.encode(books), msgspec.json.encode(held)),
        )

    def forget_keys(self) -> None:
        """Know no key, in a transaction."""
        self._db.execute("DELETE FROM keys")

    def new_keys(self, keys: Sequence[str | int]) -> list[bool]:
        """Keep `keys`, in a transaction. Tell of each whether it wasn't known, nor came before among them."""
        insert = self._db.execute
        return [insert("INSERT OR IGNORE INTO keys VALUES (?)", (key,)).rowcount == 1 for key in keys]

    def new_reject(self, digest: bytes, batch: int) -> bool:
        """Keep the digest of a reject, and the number of its batch, in a transaction. Tell whether it wasn't known."""
        if self._db.execute("INSERT OR IGNORE INTO rejects VALUES (?, ?)", (digest, batch)).rowcount == 1:
            return True
        self._db.execute("UPDATE rejects SET batch = ? WHERE digest = ?", (batch, digest))
        return False

    def rejects(self, batch: int) -> int:
        """How many came in this batch or a later one. 0 asks for all, which the tables of older versions tell, too."""
        since = f" WHERE batch >= {batch}" if batch else ""
        row: tuple[int] = self._db.execute(f"SELECT count(*) FROM rejects{since}").fetchone()
        return row[0]

    def close(self) -> None:
        """Close it, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _check(self, books: Books) -> None:
        if self._db.execute("SELECT epoch, batch FROM state").fetchone() != (books.epoch, books.batch):
            raise lease.lost(books.identity.stream)

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            # "" is a database that goes with its connection.
            self._connection = sqlite3.connect("" if self._path is None else self._path, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = FULL")
        return self._connection
