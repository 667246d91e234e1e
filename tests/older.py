"""Databases as older versions left them."""

from datasync.sinks.postgres import ddl
from tests.support import Database

STREAM = "datasync.events"


def install(database: Database, version: int) -> None:
    """Make the tables of this version with a stream that was served 30 of 120 records."""
    database.execute("CREATE TABLE datasync_schema (version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ)")
    for number, step in enumerate(ddl.HISTORY.steps[:version], start=1):
        if number == 2:
            _begin(database)  # so that this step finds a stream
        database.execute(step)
        database.execute(f"INSERT INTO datasync_schema VALUES ({number}, now())")
    if version == 1:
        _begin(database)


def _begin(database: Database) -> None:
    database.execute(
        "INSERT INTO cursor_state (stream, source, cursor_value, epoch, pages, served, events_ingested, duplicates,"
        f" total) VALUES ('{STREAM}', 'http://old', 'c1', 4, 3, 30, 29, 1, 120);"
        "INSERT INTO ingested_events (id, data) VALUES ('a', '{}')"
    )
