"""What became of a batch's rows."""

from collections.abc import Sized

import msgspec

from datasync.model import Reject
from datasync.sinks.postgres.rows import Place
from datasync.sinks.postgres.target import Stored


class Put(msgspec.Struct, frozen=True):
    """What became of a batch's rows.

    Attributes:
        stored: by statements.
        refused: by rules of the database, as records to quarantine.
        repeated: left out because a newer row of the batch has the same key.
        places: of the refused ones.
        tried: further rows of the batch that were tried in the place of refused ones of the same key.
    """

    stored: Stored
    refused: tuple[Reject, ...] = ()
    repeated: int = 0
    places: frozenset[Place] = frozenset()
    tried: int = 0

    def left(self, rows: Sized) -> int:
        """How many of the batch's `rows`, of equal keys one, changed nothing, though they were in nobody's way."""
        stored = self.stored.inserted + self.stored.updated
        return len(rows) + self.tried - self.repeated - len(self.refused) - stored
