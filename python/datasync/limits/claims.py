"""What headers claim: a Quota without its reset, and the reset as it was read."""

import msgspec

from datasync.limits.quota import Quota
from datasync.limits.reset import Reset


class Claim(msgspec.Struct, frozen=True):
    """One budget as one sender's headers put it.

    Attributes:
        quota: all but the reset.
        reset: what the headers say of it.
    """

    quota: Quota
    reset: Reset | None = None
