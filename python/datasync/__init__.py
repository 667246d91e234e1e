"""datasync: rate-limited REST APIs into PostgreSQL, fast and exactly once.

The command line (`datasync ingest`) is the main way in. Plugins need two names from here: `transform`, to make a
transform of a function, and `hookimpl`, to implement one of the hooks of `datasync.hookspecs`. Whoever has timestamps
of doubtful form can have them read as the encoder reads them: `normalize_timestamp` and `normalize_timestamps`, as a
`TimestampPolicy` says. A program runs a configuration with `ingest`, or `ingest_async` where a loop runs already: of a
file, or of the structs in `datasync.config.spec`, of which `Config` is the whole.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from datasync._native import build_info

if TYPE_CHECKING:
    from datasync.api import ingest, ingest_async
    from datasync.config.spec import Config
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
    "Config",
    "Sentinels",
    "TimestampPolicy",
    "TimestampRefused",
    "Timestamps",
    "__version__",
    "hookimpl",
    "ingest",
    "ingest_async",
    "normalize_timestamp",
    "normalize_timestamps",
    "transform",
]

_HOMES = {
    "Config": "datasync.config.spec",
    "hookimpl": "datasync.hookspecs",
    "ingest": "datasync.api",
    "ingest_async": "datasync.api",
    "transform": "datasync.plugins",
}


if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    # Imported when first asked for: every command begins with this package, and `datasync --version` needs no more.
    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module `datasync` has no attribute `{name}`")
        value = getattr(import_module(_HOMES.get(name, "datasync.timestamps")), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
