"""datasync: rate-limited REST APIs into PostgreSQL, fast and exactly once.

The command line (`datasync ingest`) is the main way in. Plugins need two names from here: `transform`, to make a
transform of a function, and `hookimpl`, to implement one of the hooks of `datasync.hookspecs`. Whoever has timestamps
of doubtful form can have them read as the encoder reads them: `normalize_timestamp` and `normalize_timestamps`, as a
`TimestampPolicy` says.
"""

from datasync._native import build_info
from datasync.hookspecs import hookimpl
from datasync.plugins import transform
from datasync.timestamps import (
    Sentinels,
    TimestampPolicy,
    TimestampRefused,
    Timestamps,
    normalize_timestamp,
    normalize_timestamps,
)

__version__: str = build_info()["version"]
__all__ = [
    "Sentinels",
    "TimestampPolicy",
    "TimestampRefused",
    "Timestamps",
    "__version__",
    "hookimpl",
    "normalize_timestamp",
    "normalize_timestamps",
    "transform",
]
