"""`[sink]`: where rows go."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from datasync.config import urls
from datasync.config.invalid import InvalidSpec
from datasync.config.secret import Secret
from datasync.config.spec import valid


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

    def __post_init__(self) -> None:
        if wrong := urls.database_url(self.url.reveal()):
            raise InvalidSpec("url", wrong[0], hint=wrong[1])
        valid.within("writers", self.writers, 1, 16)


class JsonlTo(_Sink, frozen=True, tag="jsonl"):
    """A file of JSON lines for each endpoint, in `folder`; `-` is stdout."""

    folder: str = "."

    def __post_init__(self) -> None:
        valid.given("folder", self.folder)


class ParquetTo(_Sink, frozen=True, tag="parquet"):
    """A folder of Parquet files for each endpoint, in `folder`."""

    folder: str = "."

    def __post_init__(self) -> None:
        valid.given("folder", self.folder)
        if self.folder == "-":
            raise InvalidSpec("folder", "is no folder: `-`", hint="only `jsonl` goes to stdout; `./-` is a folder")


class DuckDbTo(_Sink, frozen=True, tag="duckdb"):
    """A DuckDB database, the file `path`: rows and checkpoint in one transaction."""

    path: str

    def __post_init__(self) -> None:
        valid.given("path", self.path)
        if self.path.startswith(":"):
            hint = "a database in memory is gone with the run; name a file, such as `my.duckdb`"
            raise InvalidSpec("path", f"is no file: `{self.path}`", hint=hint)


class PluginTo(_Sink, frozen=True, tag="plugin"):
    """What a plugin registered with `register_sinks` under `name`; `options` and `secrets` are handed to it."""

    name: str
    options: Mapping[str, str | int | float | bool] = {}
    secrets: Mapping[str, Secret] = {}

    def __post_init__(self) -> None:
        valid.given("name", self.name)


SinkSpec: TypeAlias = PostgresTo | JsonlTo | ParquetTo | DuckDbTo | PluginTo
