"""Runs the simulated API as a child process."""

from __future__ import annotations

from typing import Any

import msgspec

from datasync.simulator.child import ChildServer
from datasync.simulator.options import SimulatorOptions
from datasync.simulator.served import Served


class SimulatorProcess(ChildServer):
    """A simulated API in a child process on a free port of loopback; use it as a context manager.

    Attributes:
        options: Of the API, as the child has them.
    """

    def __init__(self, options: SimulatorOptions | None = None, *, start_timeout: float = 60.0) -> None:
        self.options = msgspec.structs.replace(options or SimulatorOptions(), exit_with_stdin=True)
        super().__init__("datasync.simulator", msgspec.json.encode(self.options).decode(), start_timeout)

    @property
    def base_url(self) -> str:
        """Where the API is, `/api/v1` included; "" until it answers."""
        return self.ready_url

    @property
    def origin(self) -> str:
        """Where the server is, without a path."""
        return self.base_url.removesuffix("/api/v1")

    def served(self, after: int = 0) -> list[Served]:
        """Give the answers with a number above `after`."""
        url = f"{self.origin}/_simulator/served?after={after}"
        return msgspec.json.decode(self.control("GET", url), type=list[Served])

    def stats(self) -> dict[str, Any]:
        """Give the counts of what was done, `cpuSeconds` of the child among them."""
        return msgspec.json.decode(self.control("GET", f"{self.origin}/_simulator/stats"), type=dict[str, Any])
