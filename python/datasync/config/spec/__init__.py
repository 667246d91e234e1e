"""What a `datasync.toml` holds, as structs. They are the Python API's, too, and give the JSON Schema.

Unknown keys are refused. A duration is a number of seconds, or text like `15m` (`ms`, `s`, `m`, `h`, `d`; `1h30m`).
"""

from datasync.config.spec.auth import (
    Auth,
    Basic,
    Bearer,
    HeaderKey,
    NoAuth,
    OAuth2,
    PluginAuth,
    QueryKey,
    TokenExchange,
)
from datasync.config.spec.endpoint import Child, ColumnSpec, EndpointSpec, Incremental, Parent, Table
from datasync.config.spec.paging import (
    CursorPaging,
    HeaderCursorPaging,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    WindowPaging,
)
from datasync.config.spec.renewal import Renewal
from datasync.config.spec.root import Api, Budget, Config
from datasync.config.spec.sink import DuckDbTo, JsonlTo, ParquetTo, PluginTo, PostgresTo, SinkSpec

__all__ = [
    "Api",
    "Auth",
    "Basic",
    "Bearer",
    "Budget",
    "Child",
    "ColumnSpec",
    "Config",
    "CursorPaging",
    "DuckDbTo",
    "EndpointSpec",
    "HeaderCursorPaging",
    "HeaderKey",
    "Incremental",
    "JsonlTo",
    "KeysetPaging",
    "LinkHeaderPaging",
    "NextUrlPaging",
    "NoAuth",
    "NoPaging",
    "OAuth2",
    "OffsetPaging",
    "PageNumberPaging",
    "Paging",
    "Parent",
    "ParquetTo",
    "PluginAuth",
    "PluginTo",
    "PostgresTo",
    "QueryKey",
    "Renewal",
    "SinkSpec",
    "Table",
    "TokenExchange",
    "WindowPaging",
]
