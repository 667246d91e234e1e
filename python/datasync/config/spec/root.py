"""The whole of a `datasync.toml`."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from datasync.config import urls
from datasync.config.invalid import InvalidSpec
from datasync.config.spec import valid
from datasync.config.spec.auth import Auth, NoAuth
from datasync.config.spec.endpoint import EndpointSpec
from datasync.config.spec.sink import SinkSpec


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[api]`.

    Attributes:
        base_url: scheme, host and path; endpoints' paths are appended.
        auth: credentials, sent to the origin of `base_url` only.
        headers: sent with each request.
        budget: name of the `[budget.NAME]` that endpoints share unless they name another.
        retry_for: duration; see `--retry-for`.
        timeout: duration for the first byte of an answer.
    """

    base_url: str
    auth: Auth = NoAuth()
    headers: Mapping[str, str] = {}
    budget: str = "default"
    retry_for: float | str = "15m"
    timeout: float | str = "10s"

    def __post_init__(self) -> None:
        if wrong := urls.base_url(self.base_url):
            raise InvalidSpec("base_url", wrong[0], hint=f"{wrong[1]}; credentials go into `auth`")
        valid.headers("headers", self.headers)
        valid.duration("retry_for", self.retry_for)
        valid.duration("timeout", self.timeout, positive=True)


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[budget.NAME]`: requests that endpoints share. What the API says of its limits always counts besides.

    Attributes:
        concurrency: most requests in flight, 1 to 100.
        rule: `adaptive` or `seed`; see `--concurrency`.
        shared: with all processes that use the same key and database.
        max_wait: duration; see `--max-wait`.
    """

    concurrency: int = 10
    rule: Literal["adaptive", "seed"] = "adaptive"
    shared: bool = False
    max_wait: float | str = "15m"

    def __post_init__(self) -> None:
        valid.within("concurrency", self.concurrency, 1, 100)
        valid.duration("max_wait", self.max_wait, endless=True)


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"endpoints": "endpoint"}):
    """A `datasync.toml`.

    Attributes:
        endpoints: `[[endpoint]]`, read in this order.
        max_rejects: see `--max-rejects`.
        memory: see `--memory`.
        executor: what decides when each endpoint is read: `local`, one after the other, or a plugin's.
    """

    api: Api
    sink: SinkSpec
    endpoints: tuple[EndpointSpec, ...]
    budget: Mapping[str, Budget] = {}
    max_rejects: float = 0.001
    memory: str = "256MiB"
    executor: str = "local"

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise InvalidSpec("endpoint", "is empty", hint="there is one `[[endpoint]]` at least")
        valid.within("max_rejects", self.max_rejects, 0, 1)
