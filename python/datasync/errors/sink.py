"""Errors of where rows go."""

from datasync.errors.base import EXIT_SETUP, DatasyncError


class SinkError(DatasyncError):
    """The database."""

    code = "sink"


class SinkUnavailable(SinkError):
    """The database can't be reached, or the connection broke. The open batch was rolled back by the server."""

    code = "sink_unavailable"


class SinkConflict(SinkError):
    """The database can't do it now: another session holds a lock, a limit is reached, or the disk is full.

    Nothing was stored, and the same may work later.
    """

    code = "sink_conflict"


class RowsRefused(SinkError):
    """The database refuses rows by a rule of its own: a constraint, a trigger, a type's check.

    Attributes:
        sqlstate: PostgreSQL's code for it.
    """

    code = "rows_refused"

    def __init__(self, message: str, *, hint: str | None = None, sqlstate: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sqlstate = sqlstate


class SinkBusy(SinkError):
    """Another run holds this stream."""

    code = "sink_busy"


class LeaseLost(SinkError):
    """Another run took this stream over. The open batch was rolled back."""

    code = "lease_lost"


class CommitsLost(SinkError):
    """The server took back the last commits, rows and checkpoint together: they didn't wait for its disk."""

    code = "commits_lost"


class SchemaMismatch(SinkError):
    """A table that datasync needs is there in another shape, or from a newer version."""

    code = "schema_mismatch"
    exit_code = EXIT_SETUP


class RowsMissing(SinkError):
    """The stream was read to its end, but the table no longer holds all of it."""

    code = "rows_missing"


class CountsDiffer(SinkError):
    """The stream's counters don't make up the records that were served: a bug, or somebody edited the row."""

    code = "counts_differ"


class NotQuarantined(SinkError):
    """None of the records that were asked for is in quarantine."""

    code = "not_quarantined"
    exit_code = EXIT_SETUP


class StreamUnknown(SinkError):
    """The database has no stream of the name that was asked for."""

    code = "stream_unknown"
    exit_code = EXIT_SETUP
