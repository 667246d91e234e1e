"""The whole of a `datasync.toml`."""

from collections.abc import Mapping

import msgspec

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


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[budget.NAME]`: requests that endpoints share. What the API says of its limits always counts besides.

    Attributes:
        concurrency: most requests in flight.
        rule: `adaptive` or `seed`; see `--concurrency`.
        shared: with all processes that use the same key and database.
        max_wait: duration; see `--max-wait`.
    """

    concurrency: int = 10
    rule: str = "adaptive"
    shared: bool = False
    max_wait: float | str = "15m"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"endpoints": "endpoint"}):
    """A `datasync.toml`.

    Attributes:
        endpoints: `[[endpoint]]`, read in this order.
        max_rejects: see `--max-rejects`.
        memory: see `--memory`.
    """

    api: Api
    sink: SinkSpec
    endpoints: tuple[EndpointSpec, ...]
    budget: Mapping[str, Budget] = {}
    max_rejects: float = 0.001
    memory: str = "256MiB"
