"""How many requests may be in flight, by the seed's rules."""

from datasync.config.schema import SlotSettings


class Slots:
    """Start with 5; three refusals in a row: 2; fifty successes in a row: one more, up to 10.

    Attributes:
        limit: slots now.
    """

    def __init__(self, settings: SlotSettings) -> None:
        self._settings = settings
        self.limit = settings.initial
        self._refusals = 0
        self._successes = 0

    def succeeded(self) -> None:
        """Count an answer that was not a refusal."""
        self._refusals = 0
        self._successes += 1
        if self._successes == self._settings.successes_to_grow:
            self._successes = 0
            self.limit = min(self._settings.maximum, self.limit + 1)

    def refused(self) -> None:
        """Count a refusal."""
        self._successes = 0
        self._refusals += 1
        if self._refusals == self._settings.refusals_to_reduce:
            self._refusals = 0
            self.limit = min(self.limit, self._settings.reduced)
