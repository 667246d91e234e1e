"""What the command line and the DATASYNC_* variables say, whether there is a configuration or not."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import msgspec

from datasync import envvars
from datasync.config import values
from datasync.config.headers import parse_headers
from datasync.config.schema import ConflictPolicy, Settings
from datasync.config.secret import Secret

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `datasync ingest`, as they are written. Each wins over the variable that says the same.

    Attributes:
        endpoint, transforms, restart, partitions, max_rejects: see Settings.
        retry_for: see HttpSettings.
        max_wait, concurrency: see LimitSettings.
        shared_limit: see LimitSettings; the variable says the same with 1.
        on_conflict: the rule of a ConflictPolicy, and its column behind a colon.
        direct: see WriteSettings; the variable says no with 0.
        durable, wait: see WriteSettings; the variable says the same with 1.
        memory: `memory_bytes` of Settings as a number with KiB, MiB or GiB.
    """

    endpoint: str | None = None
    transforms: tuple[str, ...] = ()
    restart: bool = False
    retry_for: str | None = None
    max_wait: str | None = None
    concurrency: str | None = None
    shared_limit: bool = False
    partitions: int | None = None
    on_conflict: str | None = None
    direct: bool = True
    durable: bool = False
    wait: bool = False
    max_rejects: str | None = None
    memory: str | None = None


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What wins over a configuration. None, and what is empty, leaves it as it is.

    Attributes:
        endpoint: read this one of the file alone, and its parents before.
        transforms: instead of those of each endpoint.
        access_headers: see Settings.
        wait, restart: see there; a file can't say them.
        others: see Options.
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

    def over(self, settings: Settings) -> Settings:
        """Give the settings with this in place of what they say. `endpoint` is the caller's to obey."""
        replace = msgspec.structs.replace
        http, limits, write = settings.http, settings.limits, settings.write
        return replace(
            settings,
            access_headers=self.access_headers,
            transforms=self.transforms or settings.transforms,
            restart=self.restart,
            http=replace(http, retry_for=_or(self.retry_for, http.retry_for)),
            limits=replace(
                limits,
                max_wait=_or(self.max_wait, limits.max_wait),
                concurrency=_or(self.concurrency, limits.concurrency),
                shared=_or(self.shared, limits.shared),
            ),
            write=replace(
                write,
                on_conflict=_or(self.on_conflict, write.on_conflict),
                direct=_or(self.direct, write.direct),
                durable=_or(self.durable, write.durable),
                wait=self.wait,
            ),
            partitions=_or(self.partitions, settings.partitions),
            max_rejects=_or(self.max_rejects, settings.max_rejects),
            memory_bytes=_or(self.memory_bytes, settings.memory_bytes),
        )


_NOTHING = Options()


def overrides(value: Callable[[str], str], options: Options = _NOTHING) -> Overrides:
    """Give what the options say, and where they say nothing the variables, which `value` looks up.

    Raises:
        ConfigError: an option or a variable is malformed.
    """

    def told(option: str | None, name: str, read: Callable[[str], T]) -> T | None:
        text = (option or value(name)).strip()
        return read(text) if text else None

    def switch(name: str) -> bool | None:
        return told(None, name, lambda text: values.switch(name, text))

    partitions = options.partitions
    return Overrides(
        endpoint=told(options.endpoint, envvars.ENDPOINT, str),
        transforms=options.transforms,
        restart=options.restart,
        retry_for=told(options.retry_for, envvars.RETRY_FOR, values.retry_for),
        max_wait=told(options.max_wait, envvars.MAX_WAIT, values.max_wait),
        concurrency=told(options.concurrency, envvars.CONCURRENCY, values.concurrency),
        shared=options.shared_limit or switch(envvars.SHARED_LIMIT),
        partitions=told(None, envvars.PARTITIONS, values.partitions) if partitions is None else partitions,
        on_conflict=told(options.on_conflict, envvars.ON_CONFLICT, values.on_conflict),
        direct=switch(envvars.DIRECT) if options.direct else False,
        durable=options.durable or switch(envvars.DURABLE),
        wait=options.wait or bool(switch(envvars.WAIT)),
        max_rejects=told(options.max_rejects, envvars.MAX_REJECTS, values.share),
        memory_bytes=told(options.memory, envvars.MEMORY, values.memory),
        access_headers=parse_headers(value(envvars.ACCESS_HEADERS), source=envvars.ACCESS_HEADERS),
    )


def _or(told: T | None, written: T) -> T:
    return written if told is None else told
