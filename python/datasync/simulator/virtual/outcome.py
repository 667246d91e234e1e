"""What a run came to, measured against the omniscient client's run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from datasync.simulator.virtual.oracle import Grant


@dataclass(kw_only=True, slots=True)
class Attempt:
    """One request as the world saw it; seconds since the run began.

    Attributes:
        arrived: at the server, None if the run ended before.
        answered: at the client, None if no answer came.
        admitted: the limits let it in.
        refused: the limits did not.
        taken_for_refusal: what the client took the answer for.
        in_flight: requests under way with this one, as it was sent.
    """

    route: str
    sent: float
    in_flight: int
    arrived: float | None = None
    answered: float | None = None
    status: int = 0
    admitted: bool = False
    refused: bool = False
    taken_for_refusal: bool = False
    cost: float = 0.0


@dataclass(kw_only=True)
class Outcome:
    """A run and its ceiling. The figures are read when the run is over.

    Attributes:
        best: what the omniscient client was granted.
        duration: seconds for which the limiter had work.
        attempts: in the order of sending.
        by_neighbour: units that another client took, in this run and in the ceiling's.
        errors: what the limiter raised to end the work on purpose.
        crashes: what it raised besides.
        longest_wait: seconds that it asked to sleep for at once.
        resumes_at: epoch seconds until which it paused, as it told.
        stopped_at: when the last worker had ended, or None if some had to be ended.
    """

    best: list[Grant]
    duration: float
    attempts: list[Attempt] = field(default_factory=list)
    by_neighbour: tuple[int, int] = (0, 0)
    errors: list[Exception] = field(default_factory=list)
    crashes: list[Exception] = field(default_factory=list)
    longest_wait: float = 0.0
    resumes_at: float | None = None
    stopped_at: float | None = None

    @cached_property
    def grants(self) -> list[Grant]:
        """Give what was let in, in the order of arrival, within the run's time."""
        inside = [Grant(a.arrived, a.route, a.cost) for a in self.attempts if a.admitted and a.arrived is not None]
        return sorted(grant for grant in inside if grant.at <= self.duration)

    @property
    def accepted(self) -> float:
        """Units let in."""
        return sum(grant.cost for grant in self.grants)

    @property
    def ceiling(self) -> float:
        """Units let in of the omniscient client."""
        return sum(grant.cost for grant in self.best)

    @property
    def utilisation(self) -> float:
        """Units let in, as a share of the ceiling."""
        return self.accepted / self.ceiling

    @property
    def pace(self) -> float:
        """The omniscient client's time to as many grants, as a share of ours; not rounded to whole windows."""
        ours = self.grants
        if not ours:
            return 0.0
        count = min(len(ours), len(self.best))
        return self.best[count - 1].at / ours[count - 1].at

    @property
    def refusals(self) -> int:
        """Requests that the limits did not let in."""
        return sum(attempt.refused for attempt in self.attempts)

    @property
    def per_thousand(self) -> float:
        """Refusals per 1,000 that were let in."""
        return 1000 * self.refusals / max(1, len(self.grants))

    @property
    def amplification(self) -> float:
        """Requests sent for each that brought a good answer."""
        good = sum(attempt.admitted and attempt.status == 200 for attempt in self.attempts)
        return len(self.attempts) / max(1, good)

    @property
    def total_use(self) -> float:
        """Units let in of all clients, as a share of what the omniscient one and the others got."""
        return (self.accepted + self.by_neighbour[0]) / (self.ceiling + self.by_neighbour[1])

    def share(self, begin: float, end: float, routes: Sequence[str] = ()) -> float:
        """Give the utilisation within a span, of some routes or all."""
        ours = _units(self.grants, begin, end, routes)
        theirs = _units(self.best, begin, end, routes)
        return ours / theirs if theirs else 1.0

    def refused_between(self, begin: float, end: float = float("inf")) -> int:
        """Count the refusals of requests that were sent within a span."""
        return sum(attempt.refused for attempt in self.attempts if begin <= attempt.sent < end)

    def recovery(self, begin: float, end: float, span: float, share: float = 0.95) -> float:
        """Give the seconds from `begin` until the next `span` seconds bring `share` of the best, with no refusals.

        Infinity where that is not reached before `end`.
        """
        late = [a.arrived for a in self.attempts if a.refused and a.arrived and begin <= a.arrived < end]
        last = max(late, default=begin)
        return last - begin + self.reaches(last, end, span, share)

    def reaches(self, begin: float, end: float, span: float, share: float) -> float:
        """Give the seconds from `begin` until the next `span` seconds bring `share` of the best, refused or not.

        Infinity where that is not reached before `end`.
        """
        after = 0.0
        while begin + after + span <= end:
            if self.share(begin + after, begin + after + span) >= share:
                return after
            after += 0.5
        return float("inf")

    def sent_between(self, begin: float, end: float = float("inf")) -> int:
        """Count the requests sent within a span."""
        return sum(begin <= attempt.sent < end for attempt in self.attempts)

    def in_flight(self, since: float, share: float = 0.95) -> int:
        """Give the number in flight that `share` of the requests sent since then did not exceed."""
        counts = sorted(attempt.in_flight for attempt in self.attempts if attempt.sent >= since)
        return counts[min(len(counts) - 1, int(share * len(counts)))] if counts else 0

    def busiest(self, span: float) -> int:
        """Give the most requests sent within `span` seconds."""
        sent = [attempt.sent for attempt in self.attempts]
        most, first = 0, 0
        for index, when in enumerate(sent):
            while sent[first] <= when - span:
                first += 1
            most = max(most, index - first + 1)
        return most


def _units(grants: Sequence[Grant], begin: float, end: float, routes: Sequence[str]) -> float:
    first, last = (bisect_left(grants, when, key=lambda grant: grant.at) for when in (begin, end))
    return sum(grant.cost for grant in grants[first:last] if not routes or grant.route in routes)
