"""A limit that only refusals tell of: learned from the first one that says how long to wait."""

import math
from typing import Final

from datasync.limits.ledger import Ledger, RoundTrip
from datasync.limits.window import likely

PROBE_EVERY: Final = 20
"""Windows after which one request more than the learned limit is tried: the limit may have grown."""


class LearnedWindow:
    """Counts requests until a refusal says when more may go; then that many in that time are kept to.

    The first request of a window frees itself when the refusal says. So the window is as long as from that request
    until then, and the limit is what was accepted in it. Nothing is held back before. A further refusal corrects both.
    """

    def __init__(self, round_trip: RoundTrip) -> None:
        self._ledger = Ledger(math.inf, math.inf, round_trip)
        self._began: float | None = None  # the first request since the last refusal
        self._refused_at = -math.inf
        self._kept_since = math.inf

    @property
    def known(self) -> bool:
        """A limit was learned."""
        return not math.isinf(self._ledger.limit)

    def delay(self, now: float) -> float:
        """Seconds until one more request fits."""
        if not self.known:
            return 0.0
        if now - self._kept_since > PROBE_EVERY * self._ledger.window:
            self._kept_since = now
            self._ledger.limit += 1
        return self._ledger.delay(now)

    def sent(self) -> None:
        """Count a request that goes out."""
        self._ledger.sent()

    def answered(self, now: float) -> None:
        """Count a request that was accepted."""
        self._ledger.counted(now)
        if self._began is None:
            self._began = now

    def absorb(self, other: "LearnedWindow") -> None:
        """Count what `other` counted, too."""
        self._ledger.absorb(other._ledger)  # noqa: SLF001

    def refused(self, now: float, sent: float, wait: float | None) -> None:
        """Learn from a refusal of a request that was sent then, and that says to wait so many seconds, if it does."""
        self._ledger.drop()
        again = sent <= self._refused_at  # on its way when another one was refused: the same news
        self._refused_at = max(self._refused_at, now)
        if again or not wait or self._began is None:
            return
        # `Retry-After` is in whole seconds, rounded either way.
        elapsed = now + wait - self._began
        window = likely(elapsed - 1, elapsed + 1)
        if self.known and window >= self._ledger.window:
            window = self._ledger.window
        accepted = self._ledger.since(max(self._began - 1e-9, now + wait - window - 1))
        if accepted:
            self._ledger.limit, self._ledger.window = float(len(accepted)), window
            self._kept_since = now
        self._began = None
