"""Which way of writing pays: chosen by what the batches before met."""

from typing import Final

from datasync.sinks.postgres.shape import Traits

MISSES: Final = 2
"""Batches in a row that were taken for new and met a known key, after which none is. Each leaves dead rows behind."""

KNOWN_SHARE: Final = 0.5
"""Of a batch's rows. Where more are known already it is cheaper to ask for the keys first."""

_PLAIN: Final = Traits()


class Habit:
    """What the last batches were like. One for all writers of a target.

    Attributes:
        traits: of the target.
    """

    def __init__(self, *, direct: bool, keeps_known: bool, traits: Traits = _PLAIN) -> None:
        """Say whether COPY may go `direct`ly into the target, and whether a row whose key is known changes nothing."""
        self.traits = traits
        self._direct = direct
        self._keeps_known = keeps_known
        self._misses = 0
        self._all_new = False
        self._mostly_known = False

    @property
    def direct(self) -> bool:
        """COPY into the target itself."""
        return self._direct and self._misses < MISSES and not self.ask_first

    @property
    def plain(self) -> bool:
        """INSERT what is staged without ON CONFLICT: the batch before had no known key."""
        return self._all_new and self._misses < MISSES

    @property
    def ask_first(self) -> bool:
        """Look which keys are known, and send only the other rows."""
        return self._keeps_known and self._mostly_known

    def met_known(self) -> None:
        """A batch that was taken for new met a known key."""
        self._misses += 1

    def met_conflict(self) -> None:
        """The database failed, or another session was in the way: what waits for its turn had better hold no locks."""
        self._direct = False

    def met_none(self) -> None:
        """A batch that was taken for new met none."""
        self._misses = 0

    def stored(self, *, rows: int, inserted: int) -> None:
        """A batch of so many rows had so many new ones."""
        self._all_new = 0 < rows == inserted
        self._mostly_known = rows - inserted > KNOWN_SHARE * rows
