"""Which routes share a budget: found out by how much of each is used while others are asked."""

from collections import deque
from typing import Final

ENOUGH: Final = 8
"""Requests of another route in a window before it is judged by them: as many may be in flight and blur it."""

PROOFS: Final = 2
"""Observations in a row, all alike, before routes are taken together or apart."""


class _Route:
    def __init__(self) -> None:
        self.limit = 0.0
        self.times: deque[float] = deque()  # of answers, in the last window
        self.judged: dict[str, float] = {}  # when another route was judged by this one's answers

    def expire(self, before: float) -> None:
        while self.times and self.times[0] <= before:
            self.times.popleft()


class Grouping:
    """Watches pairs of routes. Of a route's limit its own requests of the last window are used.

    If about as much more is used as another route had requests, the two share a budget; if it isn't, they don't.
    Routes begin separate.
    """

    def __init__(self) -> None:
        self._routes: dict[str, _Route] = {}
        self._signs: dict[frozenset[str], int] = {}  # in a row: above 0 for together, below for apart
        self._group: dict[str, frozenset[str]] = {}

    def group(self, route: str) -> frozenset[str]:
        """The routes that share a budget with `route`, itself included."""
        return self._group.get(route, frozenset((route,)))

    def saw(self, route: str, now: float, *, limit: float, remaining: float, window: float) -> bool:
        """Count an answer that says so of its budget. True if that has changed a group."""
        mine = self._routes.setdefault(route, _Route())
        mine.limit = limit
        mine.times.append(now)
        for each in self._routes.values():
            each.expire(now - window)
        changed = False
        for other, its in self._routes.items():
            if other == route or its.limit != limit or len(its.times) < ENOUGH:
                continue
            # Each window counts once: what was used doesn't change from one answer to the next.
            if now - mine.judged.get(other, float("-inf")) >= window / 2:
                mine.judged[other] = now
                changed |= self._judge(route, other, used=limit - remaining)
        return changed

    def _judge(self, route: str, other: str, *, used: float) -> bool:
        mates = sum(len(self._routes[mate].times) for mate in self.group(route) if mate != other)
        unexplained = used - mates
        sign = 1 if abs(unexplained - len(self._routes[other].times)) < abs(unexplained) else -1
        pair = frozenset((route, other))
        row = self._signs.get(pair, 0)
        row = row + sign if row * sign >= 0 else sign
        self._signs[pair] = row
        together = other in self.group(route)
        if row >= PROOFS and not together:
            self._set(self.group(route) | self.group(other))
            return True
        if row <= -PROOFS and together:
            self._set(self.group(route) - {other})
            self._set(frozenset((other,)))
            return True
        return False

    def _set(self, group: frozenset[str]) -> None:
        for route in group:
            self._group[route] = group
