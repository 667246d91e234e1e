"""Which routes share a budget: found out by how much of each is used while others are asked."""

from collections import deque
from itertools import takewhile
from typing import Final

ENOUGH: Final = 4
"""Requests of another route in a window before it is judged by them. Resets are told to a second or two, so that a
few may belong to the window before."""

PROOFS: Final = 2
"""Observations in a row, all alike, before routes are taken together or apart."""

APART: Final = 0.5
"""Of another route's requests. If no more were used, they weren't among them: as many may be in flight."""

TOGETHER: Final = 0.75
"""Of another route's requests. If as many were used, they were: a few may belong to the window before."""

MOST: Final = 10_000
"""Answers of a route that are remembered."""


class _Route:
    def __init__(self) -> None:
        self.limit = 0.0
        self.times: deque[float] = deque(maxlen=MOST)  # of answers
        self.judged: dict[str, float] = {}  # when another route was judged by this one's answers

    def count(self, since: float) -> int:
        return sum(1 for _ in takewhile(lambda at: at > since, reversed(self.times)))


class Grouping:
    """Watches pairs of routes. Of a route's limit its own requests since the window began are used.

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

    def saw(
        self, route: str, now: float, *, limit: float, remaining: float, window: float, began: float, in_flight: int
    ) -> bool:
        """Count an answer that says so of its budget. True if that has changed a group.

        Args:
            route: that was asked.
            now: when the answer came, monotonic seconds.
            limit: of the budget.
            remaining: of the budget.
            window: seconds.
            began: when the first request in the window counted, or the window began.
            in_flight: other requests, of any route: the API may have counted them already.
        """
        mine = self._routes.setdefault(route, _Route())
        mine.limit = limit
        mine.times.append(now)
        changed = False
        for other, its in self._routes.items():
            # Each window counts once: what was used doesn't change from one answer to the next.
            if other == route or its.limit != limit or now - mine.judged.get(other, float("-inf")) < window / 2:
                continue
            if its.count(began) >= max(ENOUGH, 2 * in_flight + 1):
                mine.judged[other] = now
                changed |= self._judge(route, other, limit - remaining, began)
        return changed

    def _judge(self, route: str, other: str, used: float, began: float) -> bool:
        unexplained = used - sum(self._routes[mate].count(began) for mate in self.group(route) if mate != other)
        share = unexplained / self._routes[other].count(began)
        if APART < share < TOGETHER:
            return False  # a third route or another client may have done it
        sign = 1 if share >= TOGETHER else -1
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
