"""Leave to send one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasync.http.transport import Answer
from datasync.limits.budget import Budget, Key
from datasync.limits.sharing import Shares

if TYPE_CHECKING:
    from datasync.limits.governor import Governor


class Permit:
    """Leave to send one request. Say how it went, once, by one of both methods; say neither if no answer came.

    Attributes:
        route: see Governor.permit.
        sent_at: when it may go, on the governor's clock.
        keys: the buckets that it draws on.
        in_flight: requests that were in flight when it went, itself included.
        shares: of budgets that other processes use, too.
        settled: it was said how it went.
    """

    def __init__(
        self,
        governor: Governor,
        route: str,
        sent_at: float,
        budget: Budget,
        keys: frozenset[Key],
        in_flight: int,
        shares: Shares,
    ) -> None:
        self._governor = governor
        self._budget = budget
        self.route = route
        self.sent_at = sent_at
        self.keys = keys
        self.in_flight = in_flight
        self.shares = shares
        self.settled = False

    @property
    def current(self) -> Budget:
        """The budget that it draws on, as of now."""
        while self._budget.successor is not None:
            self._budget = self._budget.successor
        return self._budget

    def answered(self, answer: Answer) -> None:
        """Learn from an answer that was not a refusal by a limit."""
        self.settled = True
        self._governor.answered(self, answer)

    def refused(self, answer: Answer) -> None:
        """Learn from a refusal by a limit."""
        self.settled = True
        self._governor.refused(self, answer)
