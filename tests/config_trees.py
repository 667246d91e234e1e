"""Content of configuration files for tests: one that says everything, and how to write and read one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasync.config import file, toml
from datasync.config.keys import Path as Keys
from datasync.config.spec import Config

CANARY = "canary-7d1f"
"""Is in every secret of these trees. No output may hold it."""

AUTHS: list[dict[str, Any]] = [
    {"kind": "none"},
    {"kind": "header", "header": "X-Key", "key": f"{CANARY}-header"},
    {"kind": "query", "param": "key", "key": f"{CANARY}-query"},
    {"kind": "bearer", "token": f"{CANARY}-bearer", "scheme": "Token"},
    {"kind": "basic", "username": "somebody", "password": f"{CANARY}-basic"},
    {"kind": "basic", "username": f"{CANARY}-name", "password": ""},
    {
        "kind": "oauth2",
        "token_url": "/token",
        "client_id": "me",
        "client_secret": f"{CANARY}-client",
        "refresh_token": f"{CANARY}-refresh",
        "scope": "read",
        "style": "body",
    },
    {
        "kind": "token",
        "url": "/login",
        "token": "token",
        "body": {"user": "somebody", "password": f"{CANARY}-body"},
        "headers": {"X-Key": f"{CANARY}-login"},
        "lifetime": "expires_in",
        "lives": "5m",
        "header": "X-Session",
        "prefix": "",
        "refused_status": 403,
    },
    {
        "kind": "plugin",
        "name": "mine",
        "options": {"region": "eu", "secret": f"{CANARY}-option"},
        "secrets": {"a": CANARY},
    },
]

SINKS: list[dict[str, Any]] = [
    {"kind": "postgres", "url": f"postgresql://u:{CANARY}@h/db", "direct": False, "durable": True, "writers": 1},
    {"kind": "jsonl", "folder": "out"},
    {"kind": "parquet", "folder": "out"},
    {"kind": "duckdb", "path": "out.db"},
    {"kind": "plugin", "name": "mine", "options": {"x": 1}, "secrets": {"password": CANARY}},
]

PAGINGS: list[dict[str, Any]] = [
    {"kind": "none"},
    {
        "kind": "cursor",
        "next": "next",
        "param": "after",
        "ttl": "2m",
        "expired": ["410"],
        "has_more": "more",
        "renew": {"members": {"id": "$key", "at": "$timestamp_ms", "v": 2}, "expires": "exp", "lifetime": "1m"},
    },
    {"kind": "header_cursor", "header": "X-Next", "param": "after"},
    {"kind": "next_url", "next": "links.next", "size": 50, "size_param": "n"},
    {"kind": "link", "rel": "next"},
    {"kind": "offset", "size": 10, "param": "skip", "start": 0, "short": False, "total": "header:X-Total"},
    {"kind": "page", "first": 0, "pages": "pages", "where": "query"},
    {"kind": "keyset", "field": "id", "param": "since_id"},
    {
        "kind": "window",
        "since_param": "from",
        "until_param": "to",
        "start": "2024-01-01",
        "step": "1d",
        "format": "date",
        "inner": {"kind": "page", "size": 10},
    },
]

_COLUMNS: list[Any] = [
    {"name": "id", "path": "id", "type": "bigint", "key": True, "required": True},
    "updated_at timestamptz",
    {"name": "kind", "source": "constant", "value": "order", "type": "text", "mismatch": "text"},
    {"name": "seen", "type": "timestamptz", "source": "ingest_time", "unit": "ms"},
]


def tree(auth: int = 1, sink: int = 0, paging: int = 1) -> dict[str, Any]:
    """Everything that a configuration may say; the numbers choose among the lists above."""
    return {
        "max_rejects": 0.01,
        "memory": "64MiB",
        "api": {
            "base_url": "https://api.example.com/v1",
            "auth": AUTHS[auth],
            "headers": {"X-Tenant": "t1", "X-Auth-Extra": f"{CANARY}-extra"},
            "budget": "slow",
            "retry_for": 60,
            "timeout": "5s",
        },
        "sink": SINKS[sink],
        "budget": {"slow": {"concurrency": 2, "rule": "seed", "shared": True, "max_wait": "1h30m"}},
        "defaults": {"params": {"lang": "en"}, "table": {"contract": "freeze", "on_conflict": "update"}},
        "endpoint": [
            {
                "name": "orders",
                "path": "/orders",
                "params": {"open": True, "api_key": f"{CANARY}-param"},
                "headers": {"X-Part": "a"},
                "records": "data",
                "paging": PAGINGS[paging],
                "incremental": {"column": "updated_at", "param": "since", "start": "2024-01-01", "lookback": "1h"},
                "table": {
                    "name": "shop.orders",
                    "on_conflict": "update_if_newer:updated_at",
                    "columns": _COLUMNS,
                    "children": [{"table": "order_lines", "path": "lines", "columns": ["sku text required"]}],
                },
                "transforms": ["lowercase"],
                "budget": "slow",
                "partitions": 3,
            },
            {
                "name": "notes",
                "path": "/orders/{id}/notes",
                "method": "POST",
                "body": {"filter": {"all": True}, "token": f"{CANARY}-post"},
                "parent": {"endpoint": "orders", "column": "id", "into": "order_id"},
                "table": {"mode": "append", "columns": ["order_id", "text"]},
            },
            {"name": "events", "use": "mine"},
        ],
    }


def read(tree: Mapping[str, Any], folder: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Write a configuration into `folder`, and read it. No `.env` is found."""
    path = folder / "datasync.toml"
    path.write_text(toml.dumps(tree))
    empty = folder / "empty.env"
    empty.touch()
    return file.read(path, environ or {}, env_file=empty)


def tables(tree: Any, path: Keys = ()) -> Iterator[Keys]:
    """The paths of all tables whose keys are given: unknown ones are refused there."""
    if isinstance(tree, Mapping):
        if path != ("budget",):
            yield path
        for key, value in tree.items():
            if key not in ("params", "body", "headers", "options", "secrets", "members"):
                yield from tables(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from tables(value, (*path, index))
