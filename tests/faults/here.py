"""A run in the test's own process, on real sockets and a real database: its clocks and limits can be changed."""

from pathlib import Path
from typing import Any

from datasync import app, loop
from datasync.config import Secret, Settings
from datasync.config.schema import HttpSettings
from datasync.plugins import Plugins
from datasync.stats import RunStats
from tests.support import API_KEY, Database

AT_ONCE = HttpSettings(retry_for=0.0)
"""No failure is asked again."""


def ingest_here(database: Database | None, base_url: str, *, plugin: Path | None = None, **more: Any) -> RunStats:
    """Run to the end; `more` are settings. Without a database it can't get as far as one."""
    dsn = "postgresql://127.0.0.1:1/none" if database is None else database.dsn
    settings = Settings(Secret(dsn, source="DATABASE_URL"), base_url, Secret(API_KEY, source="API_KEY"), **more)
    return loop.run(app.ingest(settings, Plugins([] if plugin is None else [plugin], entry_points=False)))
