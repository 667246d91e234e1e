"""A run in the test's own process, on real sockets and a real database: its clocks and limits can be changed."""

from typing import Any

from datasync import app, loop
from datasync.config import Secret, Settings
from datasync.config.schema import HttpSettings
from datasync.model import RunStats
from datasync.plugins import Plugins
from tests.support import API_KEY, Database

AT_ONCE = HttpSettings(retry_for=0.0)
"""No failure is asked again."""


def ingest_here(database: Database, base_url: str, **more: Any) -> RunStats:
    """Run to the end; `more` are settings."""
    settings = Settings(
        Secret(database.dsn, source="DATABASE_URL"), base_url, Secret(API_KEY, source="API_KEY"), **more
    )
    return loop.run(app.ingest(settings, Plugins(entry_points=False)))
