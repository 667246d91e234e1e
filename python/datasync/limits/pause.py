"""How long to keep still after a refusal."""

import math
import random
from typing import Final

MARGIN: Final = 0.05
"""Seconds added to a wait that the API asks for: timers of servers tick."""

LEAST: Final = 0.5
"""Seconds to wait after a refusal that says nothing, or says zero. No hot loop."""

SECONDARY: Final = 60.0
"""Seconds to wait where nothing is said although the budget isn't used up: GitHub asks for a minute."""

MOST: Final = 60.0
"""Seconds up to which a wait grows by itself."""


class Pause:
    """Waits as long as a refusal says, and longer each time that it was for nothing.

    An API may say to come back in a second for ever. A pause after which everything is refused again was too short.
    """

    def __init__(self, chance: random.Random) -> None:
        """Take what throws the dice: many clients that were refused together must not come back together."""
        self._chance = chance
        self._until = -math.inf
        self._rounds = 0

    @property
    def in_vain(self) -> bool:
        """The last pause was too short: only one request should find out about this one."""
        return self._rounds > 1

    def left(self, now: float) -> float:
        """Seconds until the end."""
        return max(0.0, self._until - now)

    def answered(self) -> None:
        """Count an answer that was not a refusal."""
        self._rounds = 0

    def refused(self, now: float, sent: float, wait: float | None, *, secondary: bool) -> float:
        """Begin or prolong a pause, and give its end.

        Args:
            now: monotonic seconds.
            sent: when the refused request went out. Those that went before the pause began are the same news.
            wait: seconds that the refusal asks for.
            secondary: nothing is said although the budget isn't used up.
        """
        if sent >= self._until:
            self._rounds += 1
        least = SECONDARY if secondary and wait is None else LEAST
        pause = wait + MARGIN if wait else 0.0
        if not wait or self.in_vain:
            grown = least * 2.0 ** min(max(self._rounds - 1, 0), 30)
            pause = max(pause, min(grown, max(least, MOST)) * self._chance.uniform(1.0, 1.5))
        self._until = max(self._until, now + pause)
        return self._until

    def absorb(self, other: "Pause") -> None:
        """Keep still as long as `other` would have."""
        self._until = max(self._until, other._until)  # noqa: SLF001
