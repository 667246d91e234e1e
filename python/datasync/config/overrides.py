"""What the command line and the DATASYNC_* variables say instead of a configuration file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from datasync import envvars
from datasync.config import values
from datasync.config.headers import parse_headers
from datasync.config.load import lookup
from datasync.config.schema import ConflictPolicy, LimitSettings
from datasync.config.secret import Secret

T = TypeVar("T")


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What wins over a configuration. None, and what is empty, leaves it as it is.

    Attributes:
        endpoint: read this one of the file alone, and its parents before.
        transforms: instead of those of each endpoint.
        access_headers: see Settings.
        wait, restart: see there; a file can't say them.
        others: see `datasync.config.load`.
    """

    endpoint: str | None = None
    transforms: tuple[str, ...] = ()
    restart: bool = False
    retry_for: float | None = None
    max_wait: float | None = None
    concurrency: Literal["adaptive", "seed"] | None = None
    shared: bool | None = None
    partitions: int | None = None
    on_conflict: ConflictPolicy | None = None
    direct: bool | None = None
    durable: bool | None = None
    wait: bool = False
    max_rejects: float | None = None
    memory_bytes: int | None = None
    access_headers: Mapping[str, Secret] = {}


def overrides(
    environ: Mapping[str, str],
    *,
    env_file: Path | None = None,
    endpoint: str | None = None,
    transforms: tuple[str, ...] = (),
    restart: bool = False,
    retry_for: str | None = None,
    max_wait: str | None = None,
    concurrency: str | None = None,
    shared_limit: bool = False,
    partitions: int | None = None,
    on_conflict: str | None = None,
    direct: bool = True,
    durable: bool = False,
    wait: bool = False,
    max_rejects: str | None = None,
    memory: str | None = None,
) -> Overrides:
    """Give what the options of `datasync ingest` say, and where they say nothing the variables.

    The arguments are those of `datasync.config.load`. Its three required variables aren't looked at.

    Raises:
        ConfigError: an option or a variable is malformed.
    """
    value = lookup(environ, env_file)

    def told(option: str | None, name: str) -> str | None:
        return option or value(name).strip() or None

    return Overrides(
        endpoint=told(endpoint, envvars.ENDPOINT),
        transforms=transforms,
        restart=restart,
        retry_for=_read(told(retry_for, envvars.RETRY_FOR), lambda text: values.http(text).retry_for),
        max_wait=_read(told(max_wait, envvars.MAX_WAIT), lambda text: _limits(max_wait=text).max_wait),
        concurrency=_read(told(concurrency, envvars.CONCURRENCY), lambda text: _limits(concurrency=text).concurrency),
        shared=shared_limit or _switch(envvars.SHARED_LIMIT, value),
        partitions=values.partitions(value(envvars.PARTITIONS)) if partitions is None else partitions,
        on_conflict=_read(told(on_conflict, envvars.ON_CONFLICT), values.on_conflict),
        direct=_switch(envvars.DIRECT, value) if direct else False,
        durable=durable or _switch(envvars.DURABLE, value),
        wait=wait or bool(_switch(envvars.WAIT, value)),
        max_rejects=_read(told(max_rejects, envvars.MAX_REJECTS), values.share),
        memory_bytes=_read(told(memory, envvars.MEMORY), values.memory),
        access_headers=parse_headers(value(envvars.ACCESS_HEADERS), source=envvars.ACCESS_HEADERS),
    )


def _read(text: str | None, reader: Callable[[str], T]) -> T | None:
    return None if text is None else reader(text)


def _limits(*, max_wait: str = "", concurrency: str = "") -> LimitSettings:
    return values.limits(max_wait, concurrency, shared=False)


def _switch(name: str, value: Callable[[str], str]) -> bool | None:
    return values.switch(name, value(name)) if value(name).strip() else None
