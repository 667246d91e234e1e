"""Several nodes behind one address: one true count, and what each node last heard of it."""

from __future__ import annotations

from datasync.simulator.rules.base import Rule, Standing


class Nodes(Rule):
    """A rule that is kept exactly, and told by nodes in turn, each from a copy that may be `stale` seconds old."""

    def __init__(self, rule: Rule, count: int, stale: float) -> None:
        self._rule = rule
        self._stale = stale
        self._copies: list[tuple[float, Standing] | None] = [None] * count
        self._turn = -1

    def admits(self, now: float, cost: float = 1.0) -> bool:
        """Ask the true count."""
        return self._rule.admits(now, cost)

    def take(self, now: float, cost: float = 1.0, until: float | None = None) -> None:
        """Count in the true count."""
        self._rule.take(now, cost, until)

    def refused(self, now: float, cost: float = 1.0) -> None:
        """Tell the true rule."""
        self._rule.refused(now, cost)

    def standing(self, now: float) -> Standing:
        """Tell what the next node believes; a copy that is too old is fetched anew, and told from then on."""
        self._turn = (self._turn + 1) % len(self._copies)
        copy = self._copies[self._turn]
        if copy is None or now - copy[0] >= self._stale:
            copy = self._copies[self._turn] = (now, self._rule.standing(now))
        taken_at, told = copy
        return told._replace(reset=max(0.0, told.reset - (now - taken_at)))

    def loosens_at(self, now: float, cost: float = 1.0) -> float:
        """Ask the true rule."""
        return self._rule.loosens_at(now, cost)
