"""What became of a batch's rows."""

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
