"""What an answer says about a budget, in one model for every dialect."""

from typing import Literal, TypeAlias

import msgspec

Unit: TypeAlias = Literal["requests", "tokens", "bytes", "cost", "concurrent"]


class Quota(msgspec.Struct, frozen=True):
    """One budget as one answer shows it. What the answer doesn't say is None; numbers are finite and not negative.

    Attributes:
        bucket: the policy, bucket or resource that the answer names, "" if it names none.
        unit: what is counted. `concurrent` counts requests in flight, which no pacing helps.
        limit: how many a window allows.
        remaining: how many are left. No promise: other clients and requests in flight draw on it too.
        window: seconds, the length of the window; not the time left of it.
        reset: seconds from the receipt of the answer until more is free, at the earliest and at the latest. Servers
            round, and the way back takes time: act on the latest.
        full: `reset` is when all is free again. Some is free before.
        rate: how many a second are allowed in the long run, where the answer says that and not a window.
        source: the dialect, or the header's own family where nothing gives the dialect away.
        certain: False if the answer can be read in several ways. The most careful one is given.
    """

    bucket: str = ""
    unit: Unit = "requests"
    limit: float | None = None
    remaining: float | None = None
    window: float | None = None
    reset: tuple[float, float] | None = None
    full: bool = False
    rate: float | None = None
    source: str = ""
    certain: bool = True
