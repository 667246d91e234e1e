"""Which way of writing pays: chosen by what the batches before met."""

from typing import Final

MISSES: Final = 2
"""Direct COPYs in a row that met a known key, after which no more are tried. Each leaves dead rows behind."""

KNOWN_SHARE: Final = 0.5
"""Of a batch's rows. Where more are known already it is cheaper to ask for the keys first."""


class Habit:
    """What the last batches were like. One for all writers of a target."""

    def __init__(self, *, direct: bool, keeps_known: bool) -> None:
        """Say whether COPY may go `direct`ly into the target, and whether a row whose key is known changes nothing."""
        self._direct = direct
        self._keeps_known = keeps_known
        self._misses = 0
        self._mostly_known = False

    @property
    def direct(self) -> bool:
        """COPY into the target itself."""
        return self._direct and not self.ask_first

    @property
    def ask_first(self) -> bool:
        """Look which keys are known, and send only the other rows."""
        return self._keeps_known and self._mostly_known

    def met_known(self) -> None:
        """A direct COPY met a known key."""
        self._misses += 1
        self._direct &= self._misses < MISSES

    def met_conflict(self) -> None:
        """The database failed, or another session was in the way: what waits for its turn had better hold no locks."""
        self._direct = False

    def met_none(self) -> None:
        """A direct COPY met none."""
        self._misses = 0

    def stored(self, *, rows: int, inserted: int) -> None:
        """A batch of so many rows had so many new ones."""
        self._mostly_known = rows - inserted > KNOWN_SHARE * rows
