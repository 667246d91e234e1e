"""What earlier answers of a bucket said about its reset, so that later ones can be read more exactly."""

import msgspec

from datasync.limits.ledger import DRIFT
from datasync.limits.receipt import Receipt
from datasync.limits.reset import Reset
from datasync.limits.slope import Slope

MAX_BUCKETS = 32
"""Buckets remembered at a time; the one that was named first is forgotten first."""


class Known(msgspec.Struct, frozen=True):
    """What is known of a reset.

    Attributes:
        interval: seconds from receipt, earliest and latest.
        window: seconds, where the value turned out to be the length of the window.
        certain: there is one reading only.
    """

    interval: tuple[float, float] | None = None
    window: float | None = None
    certain: bool = True


class _Track:
    """The reset of one bucket."""

    def __init__(self) -> None:
        self.slope = Slope()
        self._moment: float | None = None  # of a reset that is absolute
        self._at = 0.0
        self._earliest = self._latest = float("-inf")  # monotonic

    def narrow(self, reset: Reset, found: tuple[float, float], receipt: Receipt) -> tuple[float, float]:
        """Cut what this answer says with what earlier ones said about the same reset."""
        now = receipt.received
        earliest, latest = now + found[0], now + found[1]
        drift = DRIFT * max(0.0, now - self._at)
        first, last = self._earliest - drift, self._latest + drift
        # The same moment twice is the same reset. A length of time tells the same one only while that can't be over:
        # where each slot resets by itself, the next may follow at once.
        same = reset.seconds == self._moment if reset.absolute else self._moment is None and now < first
        if same and max(earliest, first) <= min(latest, last):
            earliest, latest = max(earliest, first), min(latest, last)
            found = max(0.0, earliest - now), max(0.0, latest - now)
        self._moment = reset.seconds if reset.absolute else None
        self._at, self._earliest, self._latest = now, earliest, latest
        return found


class ResetMemory:
    """Remembers the resets of an endpoint's buckets. Keep one for each and hand it to `quotas` with every answer.

    It tells seconds from milliseconds and from the length of the window, which one answer can't, and narrows down when
    a window ends: each answer was rounded at another moment.
    """

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, ...], _Track] = {}

    def read(
        self,
        key: tuple[str, ...],
        reset: Reset,
        receipt: Receipt,
        *,
        remaining: float | None,
        told: float | None,
        narrow: bool,
    ) -> Known:
        """Read a reset in the light of earlier ones of the same bucket.

        Args:
            key: what the bucket is called.
            reset: what this answer says.
            receipt: when it came.
            remaining: what this answer says is left.
            told: seconds that this answer's `Retry-After` says.
            narrow: the reset stays where it is for the length of a window.
        """
        track = self._track(key)
        if not reset.clear:
            track.slope.observe(reset.seconds, remaining, receipt, told)
            if (window := track.slope.window()) is not None:
                return Known(window=window)
            reset = track.slope.read(reset)
        found = reset.interval(receipt)
        if found is None:
            return Known(certain=False)
        interval, certain = found
        if narrow and reset.clear:
            interval = track.narrow(reset, interval, receipt)
        return Known(interval, certain=certain)

    def _track(self, key: tuple[str, ...]) -> _Track:
        track = self._tracks.get(key)
        if track is None:
            while len(self._tracks) >= MAX_BUCKETS:
                del self._tracks[next(iter(self._tracks))]
            track = self._tracks[key] = _Track()
        return track
