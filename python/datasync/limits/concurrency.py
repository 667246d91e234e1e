"""How many requests may be in flight."""

import math
from typing import Final, Protocol

from datasync.config.schema import SlotSettings


class Slots(Protocol):
    """A number of slots that follows what happens."""

    @property
    def limit(self) -> int:
        """Slots now."""
        ...

    def succeeded(self, seconds: float, in_flight: int) -> None:
        """Count an answer that was not a refusal, how long it took, and how many were in flight with it."""
        ...

    def refused(self) -> None:
        """Count a refusal."""
        ...


class SeedSlots:
    """The seed's rules: start with 5; three refusals in a row: 2; fifty successes in a row: one more, up to 10."""

    def __init__(self, settings: SlotSettings) -> None:
        self._settings = settings
        self.limit = settings.initial
        self._refusals = 0
        self._successes = 0

    def succeeded(self, seconds: float, in_flight: int) -> None:
        """See Slots. How long it took doesn't matter."""
        del seconds, in_flight
        self._refusals = 0
        self._successes += 1
        if self._successes == self._settings.successes_to_grow:
            self._successes = 0
            self.limit = min(self._settings.maximum, self.limit + 1)

    def refused(self) -> None:
        """See Slots."""
        self._successes = 0
        self._refusals += 1
        if self._refusals == self._settings.refusals_to_reduce:
            self._refusals = 0
            self.limit = min(self.limit, self._settings.reduced)


SLOWER: Final = 2.0
"""An answer that takes so many times the usual is a sign of a queue at the server."""

SIGNS: Final = 2
"""Such answers in a row; one alone is chance."""

FORGET_AFTER: Final = 200
"""Answers after which a number of slots that was too many is tried again; twice as many each time it still is."""


class AdaptiveSlots:
    """As many slots as still make it faster, up to the maximum.

    A slot is added while all are in use and answers take as long as they did with fewer. When they begin to take longer
    the server has a queue: more slots would only wait in it. That number of slots is left alone for a while. Refusals
    by a rate limit change nothing here: how often is the ledger's business.
    """

    def __init__(self, settings: SlotSettings) -> None:
        self._maximum = settings.maximum
        self.limit = settings.initial
        self._usual = math.inf  # seconds of an answer while the server has no queue
        self._slow = 0
        self._calm = 0
        self._too_many = math.inf
        self._since_too_many = -math.inf  # no number was too many yet
        self._patience = FORGET_AFTER

    def succeeded(self, seconds: float, in_flight: int) -> None:
        """See Slots."""
        self._since_too_many += 1
        if self._since_too_many >= self._patience:
            self._too_many = math.inf
        if seconds > SLOWER * self._usual and in_flight > 1:
            self._calm = 0
            self._slow += 1
            if self._slow >= SIGNS and in_flight >= self.limit:
                self._reduce(in_flight)
            return
        self._slow = 0
        # Answers differ: the usual is a mean that follows slowly upwards, and at once a good way down.
        self._usual = min(seconds, self._usual) if math.isinf(self._usual) else self._follow(seconds)
        if in_flight < self.limit:
            return  # the ledger holds requests back, or there is no more work: more slots would do nothing
        self._calm += 1
        if self._calm >= self.limit and self.limit + 1 < self._too_many:
            self._calm = 0
            self.limit = min(self._maximum, self.limit + 1)

    def refused(self) -> None:
        """See Slots."""

    def _follow(self, seconds: float) -> float:
        return self._usual + (seconds - self._usual) * (0.2 if seconds < self._usual else 0.05)

    def _reduce(self, in_flight: int) -> None:
        self._slow = 0
        if self._since_too_many >= self._patience:
            self._patience *= 2
        self._too_many = min(self._too_many, in_flight)
        self._since_too_many = 0
        self.limit = min(self.limit, max(1, in_flight - 1))  # it may have gone out when there were more slots


class ConcurrencyCap:
    """The most that an API allows in flight, where it refuses for that reason: no pacing helps against it.

    A refusal halves what was in flight; from there it grows by one, up to one below what was refused.
    """

    def __init__(self) -> None:
        self.limit: float = math.inf
        self._told = math.inf
        self._refused_at = math.inf
        self._successes = 0

    def refused(self, in_flight: int) -> None:
        """Count a refusal with so many in flight, itself included."""
        self._refused_at = max(2, min(self._refused_at, in_flight))
        self.limit = max(1, in_flight // 2)
        self._successes = 0

    def told(self, limit: float) -> None:
        """Take the API's word."""
        self._told = max(1.0, limit)
        self.limit = min(self.limit, self._told)

    def succeeded(self) -> None:
        """Count an answer that was not a refusal."""
        if self.limit < min(self._told, self._refused_at - 1):
            self._successes += 1
            if self._successes >= self.limit:
                self._successes = 0
                self.limit += 1
