"""The budget of one endpoint: a token bucket kept in step with the API's headers."""

from collections.abc import Callable

from datasync.limits.trio import Quota

MIN_REFUSAL_WAIT = 1.0
"""Seconds to wait after a refusal that says nothing, or says zero: no hot loop."""


class Ledger:
    """Says how long to hold the next request back.

    Without headers it holds nothing back. Once an answer has told what remains, requests sent since are counted
    against it, and with nothing left the next one waits for the reset. A refusal waits exactly what it says.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic clock in seconds."""
        self._clock = clock
        self._remaining: int | None = None
        self._resets_at = 0.0
        self._blocked_until = 0.0

    def delay(self) -> float:
        """Seconds until a request may go; 0 when one may go now."""
        now = self._clock()
        if self._remaining is not None and now >= self._resets_at:
            self._remaining = None  # a new window: unknown until the next answer
        until = self._blocked_until
        if self._remaining == 0:
            until = max(until, self._resets_at)
        return max(0.0, until - now)

    def sent(self) -> None:
        """Count a request against what remains."""
        if self._remaining:
            self._remaining -= 1

    def told(self, quota: Quota, *, in_flight: int) -> None:
        """Take an answer's word, less the requests that were sent and not answered yet."""
        self._remaining = max(0, quota.remaining - in_flight)
        self._resets_at = self._clock() + quota.reset

    def refused(self, retry_after: float | None) -> None:
        """Hold everything back for `retry_after` seconds, or until the known reset, at least `MIN_REFUSAL_WAIT`."""
        now = self._clock()
        if retry_after is None:
            retry_after = self._resets_at - now
        self._blocked_until = max(self._blocked_until, now + max(MIN_REFUSAL_WAIT, retry_after))
