"""The straightforward way to do the same in Python, as a careful engineer would write it: the yardstick."""

from datetime import UTC, datetime
from typing import Any

import orjson

from datasync.model import Row


def moment(value: Any) -> datetime | None:
    """ISO 8601, epoch seconds or epoch milliseconds."""
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, tz=UTC)


def rows(body: bytes) -> list[Row]:
    """Page bytes to the tuples that asyncpg's `copy_records_to_table` takes."""
    return [
        (event["id"], event.get("type"), moment(event.get("timestamp")), orjson.dumps(event).decode())
        for event in orjson.loads(body)["data"]
    ]
