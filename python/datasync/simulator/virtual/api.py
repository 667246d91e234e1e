"""An API in virtual time: judges requests as they arrive, by its own clock, and tells its limits in its own way."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from datasync.simulator.dialects import Dialect, Told, datasync, http_date
from datasync.simulator.rules import Rule
from datasync.simulator.virtual.clock import ServerClock
from datasync.simulator.virtual.trace import Trip


class Fate(NamedTuple):
    """What befalls a request besides the limits.

    Attributes:
        status: of the answer, unless the limits refuse it.
        cost: factor on what it costs.
        counted: it reaches the limits at all; an edge's own errors don't.
        lost: no answer comes.
        cached: a cache answers, with the headers of then.
        drip: seconds over which the body comes.
    """

    status: int = 200
    cost: float = 1.0
    counted: bool = True
    lost: bool = False
    cached: bool = False
    drip: float = 0.0


class Reply(NamedTuple):
    """What goes back to the client.

    Attributes:
        delay: seconds that the server takes.
        admitted: the limits let it in, and counted it.
        refused: the limits did not let it in.
        cost: units that it was counted as.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float
    admitted: bool = False
    refused: bool = False
    cost: float = 0.0


Refuse: TypeAlias = Callable[[str], tuple[int, Mapping[str, str], bytes]]
"""Gives status, more headers and body of a refusal by the limit of that name."""


def too_many(_: str) -> tuple[int, Mapping[str, str], bytes]:
    """Refuse plainly."""
    return 429, {}, b'{"error": "too many requests"}'


class Api:
    """One simulated API; `arrive` and `ready` are called in the order of time."""

    def __init__(
        self,
        routes: Mapping[str, Mapping[str, Rule]],
        dialect: Dialect = datasync,
        *,
        silent: frozenset[str] = frozenset(),
        refuse: Refuse = too_many,
        fate: Callable[[float, Trip], Fate] = lambda _now, _trip: Fate(),
        service: Callable[[int], float] = lambda _in_flight: 0.0,
        neighbour: Sequence[tuple[float, int]] = (),
        clock: ServerClock | None = None,
    ) -> None:
        """Put it together.

        Args:
            routes: the named limits of each route; routes may share one.
            dialect: writes the rate headers.
            silent: names of limits that no header tells, whose refusals bring no headers either.
            refuse: writes the rest of a refusal.
            fate: decides what befalls a request that arrives at so many seconds.
            service: seconds for an answer while so many are being made.
            neighbour: when another client on the same key sends how many requests, on the first route.
            clock: the server's own.
        """
        self._routes = routes
        self._dialect = dialect
        self._silent = silent
        self._refuse = refuse
        self._fate = fate
        self._service = service
        self._neighbour = deque(neighbour)
        self.clock = clock or ServerClock()
        self.taken_by_neighbour = 0
        self._busy: list[float] = []
        self._told: deque[tuple[float, Mapping[str, str]]] = deque()

    def ready(self, elapsed: float, route: str, trip: Trip) -> float:
        """Give `elapsed` if a request that arrives now is let in, else a later moment worth trying."""
        self._catch_up(elapsed)
        fate = self._fate(elapsed, trip)
        if not fate.counted or fate.lost or fate.cached:
            return elapsed
        now, cost = self.clock.at(elapsed), trip.cost * fate.cost
        waits = [rule.loosens_at(now, cost) for rule in self._routes[route].values() if not rule.admits(now, cost)]
        # A little on, where rounding gives the same moment again.
        return max(self.clock.elapsed(max(waits)), elapsed + 1e-7) if waits else elapsed

    def arrive(self, elapsed: float, route: str, trip: Trip) -> Reply | None:
        """Judge a request; None where no answer comes."""
        self._catch_up(elapsed)
        fate = self._fate(elapsed, trip)
        if fate.lost:
            return None
        date = {"date": http_date(self.clock.epoch(elapsed))}
        if fate.cached and self._told:
            return Reply(200, {**self._stale(elapsed), **date}, b"{}", 0.0)
        if not fate.counted:
            return Reply(fate.status, {**date, "content-type": "text/html"}, b"<html>Bad gateway</html>", 0.0)
        return self._judge(elapsed, route, trip, fate, date)

    def _judge(self, elapsed: float, route: str, trip: Trip, fate: Fate, date: Mapping[str, str]) -> Reply:
        now, cost = self.clock.at(elapsed), trip.cost * fate.cost
        rules = self._routes[route]
        refusing = [name for name, rule in rules.items() if not rule.admits(now, cost)]
        if refusing:
            for name in refusing:
                rules[name].refused(now, cost)
            status, more, body = self._refuse(refusing[0])
            headers = {**self._headers(rules, now, elapsed, cost, refusing), **_lower(more), **date}
            return Reply(status, headers, body, 0.0, refused=True)
        delay = self._service(len(self._busy)) + fate.drip
        heappush(self._busy, elapsed + delay)
        for rule in rules.values():
            rule.take(now, cost, now + delay + trip.back)
        headers = self._headers(rules, now, elapsed, cost, [])
        self._told.append((elapsed, headers))
        body = b'{"data": []}' if fate.status == 200 else b'{"error": "failed"}'
        return Reply(fate.status, {**headers, **date}, body, delay, admitted=True, cost=cost)

    def _headers(
        self, rules: Mapping[str, Rule], now: float, elapsed: float, cost: float, refusing: list[str]
    ) -> dict[str, str]:
        if refusing and refusing[0] in self._silent:
            return {}
        told = {name: rule.standing(now) for name, rule in rules.items() if name not in self._silent}
        # The one that refuses comes first, then the one with the smallest share left.
        order = sorted(told, key=lambda name: (name not in refusing, told[name].remaining / told[name].limit))
        standings = {name: told[name] for name in order}
        return _lower(self._dialect(Told(standings, self.clock.epoch(elapsed), bool(refusing), cost)))

    def _stale(self, elapsed: float, age: float = 25.0) -> dict[str, str]:
        while len(self._told) > 1 and self._told[1][0] <= elapsed - age:
            self._told.popleft()
        then, headers = self._told[0]
        return {**headers, "age": str(max(1, math.floor(elapsed - then))), "x-cache": "HIT"}

    def _catch_up(self, elapsed: float) -> None:
        while self._busy and self._busy[0] <= elapsed:
            heappop(self._busy)
        while self._neighbour and self._neighbour[0][0] <= elapsed:
            when, count = self._neighbour.popleft()
            rules = next(iter(self._routes.values())).values()
            for _ in range(count):
                if all(rule.admits(self.clock.at(when)) for rule in rules):
                    self.taken_by_neighbour += 1
                    for rule in rules:
                        rule.take(self.clock.at(when))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
