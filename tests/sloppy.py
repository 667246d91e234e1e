"""Runs in this process, of APIs that the test decides."""

import json
from typing import Any

import datasync
from datasync.config.overrides import Overrides
from datasync.config.spec import (
    Api,
    ColumnSpec,
    CursorPaging,
    EndpointSpec,
    Paging,
    SinkSpec,
    Table,
)
from tests.scripted import Answer, Server

CHAIN = CursorPaging(next="next", expired=("EXPIRED",))
EXPIRED: Answer = 410, {}, b'{"error":{"code":"EXPIRED"}}'
BUSY = b'{"error":"overloaded"}'


def answer(body: object, **headers: str) -> Answer:
    return 200, headers, body if isinstance(body, bytes) else json.dumps(body).encode()


def records(*numbers: int, day: int = 1) -> list[dict[str, Any]]:
    return [{"id": n, "at": f"2024-01-{day:02}T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z"} for n in numbers]


def spec(paging: Paging, **more: Any) -> EndpointSpec:
    columns = (ColumnSpec(name="id", type="bigint", key=True), ColumnSpec(name="at", type="timestamptz"))
    fields = {"name": "things", "path": "/things", "records": "data", "table": Table(columns=columns), **more}
    return EndpointSpec(paging=paging, **fields)


def ingest(server: Server, sink: SinkSpec, *endpoints: EndpointSpec, restart: bool = False) -> int:
    """The rows that were stored."""
    config = datasync.Config(api=Api(base_url=server.origin, retry_for="5s"), sink=sink, endpoints=endpoints)
    outcomes = datasync.ingest(config, overrides=Overrides(restart=restart))
    for error in (outcome.error for outcome in outcomes if outcome.error):
        raise error
    return sum(outcome.stats.rows for outcome in outcomes)


def once(expires: set[str], cursor: str | None) -> bool:
    """Whether this cursor expires, for the first time."""
    if cursor not in expires:
        return False
    expires.remove(cursor)
    return True
