"""datasync: rate-limited REST APIs into PostgreSQL, fast and exactly once.

The command line (`datasync ingest`) is the main way in. Plugins need two names from here: `transform`, to make a
transform of a function, and `hookimpl`, to implement one of the hooks of `datasync.hookspecs`.
"""

from datasync._native import build_info
from datasync.hookspecs import hookimpl
from datasync.plugins import transform

__version__: str = build_info()["version"]
__all__ = ["__version__", "hookimpl", "transform"]
