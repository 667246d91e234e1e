"""What can go wrong, sorted by what the caller does about it.

    DatasyncError
    ├── ConfigError            fix the set-up and run again (a value in a file: config.invalid.InvalidSpec)
    ├── PluginError            fix the plugin, or leave it out
    ├── SourceError            the API
    │   ├── RetriableSourceError   asked again, within bounds
    │   │   ├── RateLimited
    │   │   ├── ServerError
    │   │   ├── NetworkError
    │   │   └── PageDamaged
    │   │       ├── NotAPage
    │   │       ├── PageTooLarge
    │   │       └── PageRepeated
    │   ├── AuthError              the key was refused
    │   ├── CursorExpired          the place in the feed is gone and can't be rebuilt
    │   ├── TlsFailed              no safe connection to the server
    │   ├── ProxyRefused           the proxy between this machine and the API lets nothing through
    │   ├── Paused                 the rate limit allows nothing for longer than the run may wait
    │   ├── ContractChanged        the API answers in a way the endpoint doesn't know
    │   └── TooManyRejects         more of its records can't be stored than the run may bear
    ├── SinkError              the database
    │   ├── SinkUnavailable        can't be reached, or went away
    │   ├── SinkConflict           can't do it now: a lock, a limit, a full disk
    │   ├── RowsRefused            refuses a row by a rule of its own
    │   ├── SinkBusy               another run holds this stream
    │   ├── CommitsLost            has lost what it had committed
    │   ├── LeaseLost              another run took this stream over: nothing was written
    │   ├── SchemaMismatch         a table is there but isn't ours
    │   ├── RowsMissing            rows that were stored are gone
    │   ├── CountsDiffer           the counters of a stream don't make up what was served
    │   ├── NotQuarantined         a record that was asked for is not in quarantine
    │   └── StreamUnknown          the database has no stream of that name
    ├── EndpointsFailed        some of a configuration's endpoints are not complete; each has said why
    ├── ParentIncomplete       an endpoint needs the rows of another one, which failed
    └── Interrupted            a signal ended the run after a clean checkpoint

A record that can't be stored is not an error: it goes to quarantine and the run goes on (`model.Reject`).
"""

from datetime import UTC, datetime
from typing import ClassVar, Final

EXIT_DONE: Final = 0
EXIT_LEFT: Final = 1
"""Ended with something left to do; running again goes on from the checkpoint."""
EXIT_SETUP: Final = 2
"""Could not run; nothing was written."""


class DatasyncError(Exception):
    """Base of all errors that datasync raises.

    Attributes:
        code: a stable name for scripts and searches; it never changes.
        hint: what to do about it, or None.
        exit_code: what the process ends with.
    """

    code: ClassVar[str] = "error"
    exit_code: int = EXIT_LEFT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DatasyncError):
    """The set-up is wrong. Raised before the first request."""

    code = "config"
    exit_code = EXIT_SETUP


class PluginError(DatasyncError):
    """A plugin can't be loaded, clashes with another, or broke its contract."""

    code = "plugin"
    exit_code = EXIT_SETUP


class SourceError(DatasyncError):
    """The API."""

    code = "source"


class RetriableSourceError(SourceError):
    """Asking again may help."""

    code = "source_retriable"


class RateLimited(RetriableSourceError):
    """The API refused a request because too many came."""

    code = "rate_limited"


class Paused(SourceError):
    """The rate limit asks for a longer wait than the run may take. What was read is stored.

    Attributes:
        resume_at_us: when the API takes requests again, microseconds since 1970 UTC.
    """

    code = "paused"

    def __init__(self, resume_at_us: int) -> None:
        self.resume_at_us = resume_at_us
        try:
            when = datetime.fromtimestamp(-(-resume_at_us // 1_000_000), tz=UTC).isoformat().replace("+00:00", "Z")
        except (OverflowError, ValueError, OSError):
            when = "a time that no clock shows"
        hint = "run again then, or give a longer --max-wait"
        super().__init__(f"paused until {when}: the rate limit allows nothing before", hint=hint)


class ServerError(RetriableSourceError):
    """The API answered with a status that may pass: 408, 425, and 5xx but for a few."""

    code = "server_error"


class NetworkError(RetriableSourceError):
    """No complete answer came: refused, reset, cut short, or slower than the deadline."""

    code = "network"


class PageDamaged(RetriableSourceError):
    """An answer came whole, but it isn't a page: broken JSON, no records, or no word on what follows."""

    code = "page_damaged"


class NotAPage(PageDamaged):
    """HTML or nothing came with status 200: a login page of the network, a proxy, a maintenance page."""

    code = "not_a_page"


class PageTooLarge(PageDamaged):
    """An answer is larger than there is room for in memory, as it came or decompressed."""

    code = "page_too_large"


class PageRepeated(PageDamaged):
    """The page before came once more, out of a cache, or by an API that lost its place."""

    code = "page_repeated"


class AuthError(SourceError):
    """The API refused the credentials."""

    code = "auth"


class CursorExpired(SourceError):
    """The API no longer knows the cursor.

    Attributes:
        server_time: the answer's `Date` as epoch milliseconds, or None.
    """

    code = "cursor_expired"

    def __init__(self, message: str, *, hint: str | None = None, server_time: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.server_time = server_time


class TlsFailed(SourceError):
    """The server's certificate isn't trusted, or it speaks no TLS that we accept. There is no way around it."""

    code = "tls"


class ProxyRefused(SourceError):
    """The proxy from the environment wants credentials, or refuses the API's host."""

    code = "proxy"


class ContractChanged(SourceError):
    """The API answered in a way that the endpoint doesn't know, so going on could lose rows."""

    code = "contract_changed"


class TooManyRejects(SourceError):
    """A larger share of the records than the run may bear can't be stored. The batches until then are."""

    code = "too_many_rejects"


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


class EndpointsFailed(DatasyncError):
    """Some of several endpoints failed. The others are complete."""

    code = "endpoints_failed"


class ParentIncomplete(DatasyncError):
    """An endpoint is read once for each row of another one, which failed."""

    code = "parent_incomplete"


class Interrupted(DatasyncError):
    """A signal ended the run after a clean checkpoint."""

    code = "interrupted"

    def __init__(self, signal_number: int) -> None:
        super().__init__("ingestion interrupted", hint="run again to go on from the checkpoint")
        self.exit_code = 128 + signal_number


def error_codes() -> frozenset[str]:
    """The codes of all errors."""

    def below(kind: type[DatasyncError]) -> set[str]:
        return {kind.code}.union(*(below(sub) for sub in kind.__subclasses__()))

    return frozenset(below(DatasyncError))
