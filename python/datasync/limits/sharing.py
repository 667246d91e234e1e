"""Between the governor and the budget that several processes share: which slots a request takes."""

from contextlib import suppress
from typing import Final

import msgspec

from datasync.limits.budget import Budget, Key
from datasync.limits.quota import Quota
from datasync.limits.shared import SharedBudget
from datasync.limits.shared_stock import Slot

FIRST_EVERY: Final = 1.0
"""Seconds between the first requests of processes that know nothing of a route yet."""

POLL: Final = 0.1
"""Seconds between two looks whether another process knows more by now."""

_FIRST: Final = ("first", "requests", 0.0, "first")


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
    """Takes a slot of each window of a budget that this process or another one knows."""

    def __init__(self, budget: SharedBudget) -> None:
        self._shared = budget
        self._heard: set[str] = set()  # routes of which this process has had an answer

    async def take(self, budget: Budget, shares: Shares) -> float:
        """Take what `shares` misses; give 0, or the seconds until asking again makes sense."""
        windows = budget.windows()
        if not windows and shares.route not in self._heard:
            # Processes that begin together ask one after the other: the first answer tells all of them the limit.
            windows = await self._others(shares.route) or {_FIRST: (1, FIRST_EVERY)}
        for key, (limit, window) in windows.items():
            if key not in shares.slots:
                turn = await self._shared.take(_name(shares.route, key), limit, window)
                if not isinstance(turn, Slot):
                    return min(turn, POLL) if key == _FIRST else turn
                shares.slots[key] = turn
        return 0.0

    async def _others(self, route: str) -> dict[Key, tuple[int, float]]:
        """What other processes know of a route of which this one knows nothing yet."""
        found: dict[Key, tuple[int, float]] = {}
        for name, window in (await self._shared.buckets()).items():
            with suppress(msgspec.DecodeError, msgspec.ValidationError):
                its_route, key = msgspec.json.decode(name, type=tuple[str, Key])
                if its_route == route and key != _FIRST:
                    found[key] = window
        return found

    def give_up(self, shares: Shares) -> None:
        """Take back what a request holds that never went out."""
        for slot in shares.slots.values():
            self._shared.unsent(slot)
        shares.slots.clear()

    def answered(self, shares: Shares, budget: Budget, quotas: list[Quota]) -> None:
        """Tell all processes what an answer says."""
        self._heard.add(shares.route)
        had, windows = set(shares.slots), budget.windows()
        self._arrived(shares)
        for quota in quotas:
            for key, (limit, window) in windows.items():
                if not budget.is_of(quota, key):
                    continue
                name = _name(shares.route, key)
                if key not in had:
                    self._shared.spent(name, limit, window)
                self._shared.told(name, limit, window, None if quota.remaining is None else int(quota.remaining))

    async def settle(self, shares: Shares) -> None:
        """Count a request that is over, and hold everybody back after a refusal."""
        self._heard.add(shares.route)
        blocked = list(shares.slots) if shares.blocked is not None else []
        self._arrived(shares)
        for key in blocked:
            await self._shared.blocked(_name(shares.route, key), shares.blocked or 0.0)

    def _arrived(self, shares: Shares) -> None:
        for slot in shares.slots.values():
            self._shared.answered(slot)
        shares.slots.clear()


def _name(route: str, key: Key) -> str:
    return msgspec.json.encode((route, key)).decode()
