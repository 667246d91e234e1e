"""A secondary limit: whoever oversteps it is shut out for a while, and for longer if they knock."""

from __future__ import annotations

import math

from datasync.simulator.rules.base import Rule, Standing, standing
from datasync.simulator.rules.sliding import SlidingLog


class PenaltyBox(Rule):
    """More than `limit` in `window` seconds shuts out for `penalty` seconds from the last request that was refused."""

    def __init__(self, limit: float, window: float, penalty: float) -> None:
        self._log = SlidingLog(limit, window)
        self._penalty = penalty
        self.opens = -math.inf

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Tell whether nobody is shut out and the log has room."""
        return now >= self.opens and self._log.admits(now, cost)

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:
        """Count a request."""
        self._log.take(now, cost, until)

    def refused(self, now: float, cost: float = 1.0) -> None:  # noqa: ARG002
        """Shut out, from now on anew."""
        self.opens = now + self._penalty

    def standing(self, now: float) -> Standing:
        """Tell the state of the log, and of the box while it is shut."""
        told = self._log.standing(now)
        if now < self.opens:
            return standing(told.limit, told.limit, self.opens - now, told.window)
        return told

    def loosens_at(self, now: float, cost: float = 1.0) -> float:
        """Give the moment at which the box opens or the log has room."""
        return max(self.opens, self._log.loosens_at(now, cost)) if now >= self.opens else self.opens
