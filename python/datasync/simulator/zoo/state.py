"""What the requests to one zoo share."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec

from datasync.simulator.limits import Clock
from datasync.simulator.zoo.data import ZooData
from datasync.simulator.zoo.options import ZooOptions
from datasync.simulator.zoo.tokens import Grant, Issuer

_HOUR = 3_600


class ZooServed(msgspec.Struct):
    """One answer.

    Attributes:
        n: Number of the answer, from 1.
        species: That was asked.
        path: That was asked for; never the query, which may hold a key.
        status: HTTP status.
        ids: Of the records in it, in their order.
        complete: It was handed to the network as a whole.
    """

    n: int
    species: str
    path: str
    status: int
    ids: list[str]
    complete: bool = False


class Zoo:
    """One zoo. The clock gives epoch seconds and decides the lives of tokens, signatures and rate limits."""

    def __init__(self, options: ZooOptions, clock: Clock = time.time) -> None:
        self.options = options
        self.clock = clock
        self.data = ZooData(options)
        self.reset()

    def reset(self) -> None:
        """Forget all that happened."""
        grants: tuple[Grant, ...] = ("client_credentials", "refresh_token", "session")
        options = self.options
        self.issuers = {grant: Issuer(self.clock, options.token_seconds, options.token_requests) for grant in grants}
        self.refresh_token = options.credential("refresh_token")
        self.grown = 0
        self.served: list[ZooServed] = []
        self._hour_ends = 0.0
        self._used = 0

    def begin(self, species: str, path: str, status: int, ids: list[str]) -> ZooServed:
        """Enter an answer that is about to go out; whoever sends it says when it is complete."""
        entry = ZooServed(len(self.served) + 1, species, path, status, ids)
        self.served.append(entry)
        return entry

    def use_quota(self) -> tuple[int, int]:
        """Count a request against the hour's limit; give what is left of it, negative if refused, and its end."""
        if self.clock() >= self._hour_ends:
            self._hour_ends, self._used = self.clock() // 1 + _HOUR, 0
        self._used += 1
        return self.options.rate_limit - self._used, int(self._hour_ends)

    def stats(self) -> dict[str, Any]:
        """Count what was done, by species."""
        found: dict[str, dict[str, Any]] = {}
        for entry in self.served:
            counts = found.setdefault(entry.species, {"requests": 0, "records": 0, "byStatus": Counter()})
            counts["requests"] += 1
            counts["records"] += len(entry.ids)
            counts["byStatus"][str(entry.status)] += 1
        return {"species": found, "issued": {grant: issuer.issued for grant, issuer in self.issuers.items()}}
