"""What `plan` says of an endpoint, and the requests that it may send for that."""

from typing import Literal

import msgspec

from datasync.discovery.prober import Enough
from datasync.limits.quota import Quota
from datasync.model import Chunk


class Allowance:
    """Requests that may be sent, for each endpoint and in all. Never more, those for tokens counted."""

    def __init__(self, each: int, in_all: int) -> None:
        self.used = 0
        self.in_all = in_all
        self._each = each
        self._here = 0

    def begin(self) -> None:
        """The next endpoint."""
        self._here = 0

    def count(self) -> None:
        """Take one.

        Raises:
            Enough: there is none left.
        """
        if self._here >= self._each or self.used >= self.in_all:
            raise Enough("no request is left for this endpoint")
        self._here += 1
        self.used += 1


class EndpointPlan(msgspec.Struct):
    """What a run of one endpoint would do.

    Attributes:
        lane, why: how pages become rows.
        partitions: chains that are read side by side.
        paging: kind as configured.
        detected: kinds that the answer shows.
        page_size: records asked for per page; None: nothing in particular.
        page_records: records of the first page.
        limits, window: see Findings.
        total: records in all, as the API says.
        left: records that are still to come.
        requests: for those.
        seconds: for those, one after the other and under the limit.
        table: it goes to; columns it has, none if it would be created.
        checkpoint: where the run would go on.
        warnings: what is worth a look. None changes anything.
    """

    name: str
    lane: str
    why: str
    transforms: tuple[str, ...]
    partitions: int
    paging: str
    detected: tuple[str, ...] = ()
    page_size: int | None = None
    page_records: int | None = None
    limits: tuple[Quota, ...] = ()
    window: float | None = None
    total: int | None = None
    left: int | None = None
    requests: int | None = None
    seconds: float | None = None
    table: str | None = None
    columns: dict[str, str] | None = None
    checkpoint: Literal["beginning", "goes on", "complete", "unknown"] = "unknown"
    cursor: str | None = None
    warnings: list[str] = []


class Asked(msgspec.Struct):
    """Pages that were asked for."""

    chunks: list[Chunk]
    seconds: float = 0.0
