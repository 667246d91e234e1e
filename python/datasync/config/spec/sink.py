"""`[sink]`: where rows go."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from datasync.config.secret import Secret


class _Sink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", kw_only=True): ...


class PostgresTo(_Sink, frozen=True, tag="postgres"):
    """PostgreSQL: rows and checkpoint in one transaction.

    Attributes:
        url: `postgresql://user:password@host:5432/database`.
        direct, durable, writers: see `datasync.config.schema.WriteSettings`.
    """

    url: Secret
    direct: bool = True
    durable: bool = False
    writers: int = 2


class JsonlTo(_Sink, frozen=True, tag="jsonl"):
    """A file of JSON lines for each endpoint, in `folder`; `-` is stdout."""

    folder: str = "."


class ParquetTo(_Sink, frozen=True, tag="parquet"):
    """A folder of Parquet files for each endpoint, in `folder`."""

    folder: str = "."


class DuckDbTo(_Sink, frozen=True, tag="duckdb"):
    """A DuckDB database: rows and checkpoint in one transaction."""

    path: str


class PluginTo(_Sink, frozen=True, tag="plugin"):
    """What a plugin registered with `register_sinks`."""

    name: str
    options: Mapping[str, str | int | float | bool] = {}
    secrets: Mapping[str, Secret] = {}


SinkSpec: TypeAlias = PostgresTo | JsonlTo | ParquetTo | DuckDbTo | PluginTo
