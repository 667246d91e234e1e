"""Runs a zoo as a child process."""

from __future__ import annotations

from typing import Any

import msgspec

from datasync.simulator.child import ChildServer
from datasync.simulator.zoo.data import ZooData
from datasync.simulator.zoo.options import ZooOptions
from datasync.simulator.zoo.state import ZooServed


class ZooProcess(ChildServer):
    """A zoo in a child process on a free port of loopback; use it as a context manager.

    Attributes:
        options: Of the zoo, as the child has them.
        data: What it serves.
    """

    def __init__(self, options: ZooOptions | None = None, *, start_timeout: float = 60.0) -> None:
        self.options = msgspec.structs.replace(options or ZooOptions(), exit_with_stdin=True)
        self.data = ZooData(self.options)
        super().__init__("datasync.simulator.zoo", msgspec.json.encode(self.options).decode(), start_timeout)

    @property
    def origin(self) -> str:
        """Where the server is; each species has its path below."""
        return self.ready_url

    def environment(self) -> dict[str, str]:
        """Give the variables that configurations for this zoo refer to."""
        return self.options.environment(self.origin)

    def served(self, after: int = 0) -> list[ZooServed]:
        """Give the answers with a number above `after`."""
        return msgspec.json.decode(
            self.control("GET", f"{self.origin}/_zoo/served?after={after}"), type=list[ZooServed]
        )

    def stats(self) -> dict[str, Any]:
        """Count requests, records and statuses by species, and the tokens that were issued."""
        return msgspec.json.decode(self.control("GET", f"{self.origin}/_zoo/stats"), type=dict[str, Any])

    def reset(self) -> None:
        """Have it forget all that happened: the served log, its growth, tokens, and the use of its quota."""
        self.control("POST", f"{self.origin}/_zoo/reset")
