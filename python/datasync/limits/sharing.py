"""Between the governor and the budget that several processes share: which slots a request takes."""

from datasync.limits.budget import Budget, Key
from datasync.limits.quota import Quota
from datasync.limits.shared import SharedBudget
from datasync.limits.shared_stock import Slot


class Shares:
    """What one request holds of shared budgets.

    Attributes:
        route: that its budgets are called after.
        slots: by bucket.
        blocked: seconds for which its refusal holds all processes back, None if it wasn't refused.
    """

    def __init__(self, route: str) -> None:
        self.route = route
        self.slots: dict[Key, Slot] = {}
        self.blocked: float | None = None


class SharedBuckets:
    """Takes a slot of each window of a budget that is known. The first request of a process has none to take."""

    def __init__(self, budget: SharedBudget) -> None:
        self._shared = budget

    async def take(self, budget: Budget, shares: Shares) -> float:
        """Take what `shares` misses; give 0, or the seconds until asking again makes sense."""
        for key, (limit, window) in budget.windows().items():
            if key not in shares.slots:
                turn = await self._shared.take(_name(shares.route, key), limit, window)
                if not isinstance(turn, Slot):
                    return turn
                shares.slots[key] = turn
        return 0.0

    def give_up(self, shares: Shares) -> None:
        """Take back what a request holds that never went out."""
        for slot in shares.slots.values():
            self._shared.unsent(slot)
        shares.slots.clear()

    def answered(self, shares: Shares, budget: Budget, quotas: list[Quota]) -> None:
        """Tell all processes what an answer says."""
        route = shares.route
        self._arrived(shares)
        for quota in quotas:
            for key, (limit, window) in budget.windows().items():
                if budget.is_of(quota, key):
                    remaining = None if quota.remaining is None else int(quota.remaining)
                    self._shared.told(_name(route, key), limit, window, remaining)

    async def settle(self, shares: Shares) -> None:
        """Count a request that is over, and hold everybody back after a refusal."""
        blocked = list(shares.slots) if shares.blocked is not None else []
        self._arrived(shares)
        for key in blocked:
            await self._shared.blocked(_name(shares.route, key), shares.blocked or 0.0)

    def _arrived(self, shares: Shares) -> None:
        for slot in shares.slots.values():
            self._shared.answered(slot)
        shares.slots.clear()


def _name(route: str, key: Key) -> str:
    return " ".join((route, *map(str, key)))
