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
    │   ├── ParentGone             there is nothing to read for a parent: the next one is read
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

from datasync.errors.base import (
    EXIT_DONE,
    EXIT_LEFT,
    EXIT_SETUP,
    ConfigError,
    DatasyncError,
    EndpointsFailed,
    Interrupted,
    ParentIncomplete,
    PluginError,
    error_codes,
)
from datasync.errors.sink import (
    CommitsLost,
    CountsDiffer,
    LeaseLost,
    NotQuarantined,
    RowsMissing,
    RowsRefused,
    SchemaMismatch,
    SinkBusy,
    SinkConflict,
    SinkError,
    SinkUnavailable,
    StreamUnknown,
)
from datasync.errors.source import (
    AuthError,
    ContractChanged,
    CursorExpired,
    NetworkError,
    NotAPage,
    PageDamaged,
    PageRepeated,
    PageTooLarge,
    ParentGone,
    Paused,
    ProxyRefused,
    RateLimited,
    RetriableSourceError,
    ServerError,
    SourceError,
    TlsFailed,
    TooManyRejects,
)

__all__ = [
    "EXIT_DONE",
    "EXIT_LEFT",
    "EXIT_SETUP",
    "AuthError",
    "CommitsLost",
    "ConfigError",
    "ContractChanged",
    "CountsDiffer",
    "CursorExpired",
    "DatasyncError",
    "EndpointsFailed",
    "Interrupted",
    "LeaseLost",
    "NetworkError",
    "NotAPage",
    "NotQuarantined",
    "PageDamaged",
    "PageRepeated",
    "PageTooLarge",
    "ParentGone",
    "ParentIncomplete",
    "Paused",
    "PluginError",
    "ProxyRefused",
    "RateLimited",
    "RetriableSourceError",
    "RowsMissing",
    "RowsRefused",
    "SchemaMismatch",
    "ServerError",
    "SinkBusy",
    "SinkConflict",
    "SinkError",
    "SinkUnavailable",
    "SourceError",
    "StreamUnknown",
    "TlsFailed",
    "TooManyRejects",
    "error_codes",
]
