"""Rows, rejects and books in one DuckDB database, and in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from datasync.config import Settings
from datasync.errors import (
    ConfigError,
    DatasyncError,
    SchemaMismatch,
    SinkBusy,
    SinkConflict,
    SinkError,
)
from datasync.failpoints import failpoint
from datasync.model import Batch, EncoderPlan
from datasync.sinks import lease
from datasync.sinks.books import Books, There
from datasync.sinks.counts import Put
from datasync.sinks.duckdb.table import Table
from datasync.sinks.tuples import rows_of

if TYPE_CHECKING:
    import duckdb

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS cursor_state (
    stream VARCHAR NOT NULL, epoch BIGINT NOT NULL, batch BIGINT NOT NULL, books JSON NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantined_events (
    stream VARCHAR NOT NULL, page_cursor VARCHAR, record_index BIGINT NOT NULL, byte_offset BIGINT NOT NULL,
    code VARCHAR NOT NULL, detail VARCHAR NOT NULL, raw BLOB NOT NULL,
    quarantined_at TIMESTAMP WITH TIME ZONE NOT NULL
);
ALTER TABLE quarantined_events ADD COLUMN IF NOT EXISTS seen BIGINT DEFAULT 0;
"""

_SEEN: Final = """
UPDATE quarantined_events AS old SET seen = $4
FROM (SELECT unnest($2::VARCHAR[]) AS code, unnest($3::BLOB[]) AS raw) AS new
WHERE old.stream = $1 AND old.code = new.code AND old.raw = new.raw AND old.seen < $4
"""

_KEEP: Final = """
INSERT INTO quarantined_events
SELECT $1, new.*, make_timestamptz($8), $9 FROM (
    SELECT unnest($2::VARCHAR[]), unnest($3::BIGINT[]), unnest($4::BIGINT[]), unnest($5::VARCHAR[]) AS code,
           unnest($6::VARCHAR[]), unnest($7::BLOB[]) AS raw
) AS new
WHERE NOT EXISTS (
    FROM quarantined_events AS old WHERE old.stream = $1 AND old.code = new.code AND old.raw = new.raw
)
"""

_held: set[tuple[Path, str]] = set()
"""Databases and streams of this process: to itself DuckDB lends a file as often as it likes."""


class DuckDbStore:
    """See `datasync.sinks.local.Store`."""

    def __init__(self, settings: Settings, path: str, stream: str, plan: EncoderPlan) -> None:
        """Raise ConfigError if the plan's columns and the settings don't go together."""
        self._path = Path(path).absolute()
        self._stream = stream
        self._columns = plan.columns
        self._table = Table(settings, plan.columns)
        self._afresh = settings.restart and settings.table.mode == "replace"
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def keeps_known(self) -> bool:
        """See Store."""
        return self._table.keeps_known

    def connect(self) -> Books | None:
        """See Store."""
        if not self._path.exists():
            return None
        self._attach()
        with self._mapped("reading the checkpoint"):
            found = self._read()
            if not self._afresh:
                self._table.check(self._db)
            return found

    def open(self, books: Books, *, anew: bool) -> None:
        """See Store."""
        self._attach()
        with self._mapped("preparing the tables"), self._begun():
            self._db.execute(_TABLES)
            if not self._afresh:
                self._table.check(self._db)
            self._table.create(self._db, anew=anew)
            self._db.execute("DELETE FROM cursor_state WHERE stream = $1", [self._stream])
            self._db.execute("INSERT INTO cursor_state VALUES ($1, $2, $3, $4)", self._row(books))

    @contextmanager
    def transaction(self, books: Books) -> Iterator[None]:
        """See Store."""
        with self._mapped("storing a batch"), self._begun():
            query = "SELECT epoch, batch FROM cursor_state WHERE stream = $1"
            if self._db.execute(query, [self._stream]).fetchall() != [(books.epoch, books.batch)]:
                raise lease.lost(self._stream)
            yield

    def put(self, batch: Batch, number: int) -> Put:
        """See Store."""
        put = self._table.put(self._db, [row for chunk in batch.chunks for row in rows_of(chunk, self._columns)])
        return msgspec.structs.replace(put, kept=self._keep(batch, number))

    def there(self, first_batch: int) -> There:
        """See Store."""
        with self._mapped("counting"):
            # The table of an older version, which is asked for all, has no such column.
            since = f" AND seen >= {first_batch}" if first_batch else ""
            query = f"SELECT count(*) FROM quarantined_events WHERE stream = $1{since}"
            row = self._db.execute(query, [self._stream]).fetchone()
            assert row is not None  # it is a count
            return There(self._table.count(self._db) if self._table.keyed else None, row[0])

    def save(self, books: Books) -> None:
        """See Store."""
        stream, epoch, batch, document = self._row(books)
        self._db.execute(
            "UPDATE cursor_state SET epoch = $2, batch = $3, books = $4 WHERE stream = $1",
            [stream, epoch, batch, document],
        )
        failpoint("checkpoint_written")

    def finish(self) -> None:
        """See Store."""
        self._table.replace(self._db)

    def settle(self) -> None:
        """See Store. All is done in the transaction."""

    def close(self) -> None:
        """See Store."""
        if self._connection is not None:
            try:
                self._connection.close()
            finally:
                self._connection = None
                _held.discard((self._path, self._stream))

    def _attach(self) -> None:
        if self._connection is not None:
            return
        import duckdb  # noqa: PLC0415 - only who writes to it has it

        if (self._path, self._stream) in _held:
            raise self._busy()
        with self._mapped(f"opening `{self._path}`"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = duckdb.connect(self._path)
            _held.add((self._path, self._stream))
            # Extensions are in the library; none is to come over the network in the midst of a run.
            self._connection.execute("SET autoinstall_known_extensions = false")

    def _read(self) -> Books | None:
        there = "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND table_name = 'cursor_state'"
        if not self._db.execute(there).fetchone():
            return None
        row = self._db.execute("SELECT books FROM cursor_state WHERE stream = $1", [self._stream]).fetchone()
        if row is None:
            return None
        try:
            return msgspec.json.decode(row[0], type=Books)
        except msgspec.DecodeError as error:
            raise SchemaMismatch(
                f"the checkpoint of `{self._stream}` in `{self._path}` can't be read: {error}",
                hint="was it written by a newer version? Else write to another database",
            ) from error

    def _row(self, books: Books) -> list[str | int]:
        return [self._stream, books.epoch, books.batch, msgspec.json.encode(books).decode()]

    def _keep(self, batch: Batch, number: int) -> int:
        # Of the same record, refused for the same reason, the first one.
        rejects = list({(reject.code, reject.raw): reject for reject in reversed(batch.rejects)}.values())[::-1]
        if not rejects:
            return 0
        arguments = [
            self._stream,
            [reject.cursor for reject in rejects],
            [reject.index for reject in rejects],
            [reject.offset for reject in rejects],
            [reject.code for reject in rejects],
            [reject.detail.encode("utf-8", "backslashreplace").decode() for reject in rejects],
            [reject.raw for reject in rejects],
            int(datetime.now(UTC).timestamp() * 1_000_000),
            number,
        ]
        self._db.execute(_SEEN, [self._stream, arguments[4], arguments[6], number])
        row = self._db.execute(_KEEP, arguments).fetchone()
        failpoint("quarantine_written")
        assert row is not None  # DuckDB tells how many it inserted
        kept: int = row[0]
        return kept

    @property
    def _db(self) -> "duckdb.DuckDBPyConnection":
        assert self._connection is not None  # connect() or open() comes first
        return self._connection

    @contextmanager
    def _begun(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(Exception):  # it may be over already
                self._db.execute("ROLLBACK")
            raise

    def _busy(self) -> SinkBusy:
        return SinkBusy(
            f"another run, or another program, has `{self._path}` open",
            hint="wait for it to end (--wait does), or close it: DuckDB lets one process in at a time",
        )

    @contextmanager
    def _mapped(self, doing: str) -> Iterator[None]:
        import duckdb  # noqa: PLC0415 - only who writes to it has it

        try:
            yield
        except DatasyncError:
            raise
        except duckdb.IOException as error:
            if "lock on file" in str(error):
                raise self._busy() from error
            if self._connection is None:
                raise ConfigError(f"{doing}: {error}", hint="name a DuckDB database, or a file to be made") from error
            raise SinkConflict(f"{doing}: {error}", hint="run again when there is room") from error
        except duckdb.Error as error:
            if "No space left" in str(error):
                raise SinkConflict(f"{doing}: {error}", hint="run again when there is room") from error
            raise SinkError(f"{doing}: {error}") from error
        except OSError as error:
            raise ConfigError(f"{doing}: {error}", hint="name a file in a folder that can be written to") from error
