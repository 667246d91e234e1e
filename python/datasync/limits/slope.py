"""Tells what a small number in a reset counts, by how it falls from answer to answer."""

from typing import Literal, NamedTuple, TypeAlias

from datasync.limits.receipt import Receipt
from datasync.limits.reset import Reset, step

Meaning: TypeAlias = Literal["seconds", "milliseconds", "window"]

PROOFS = 3
"""Answers in a row that must agree before a less careful reading than seconds left is taken.

Three nodes, each with a reset of its own, can show two falls in a row, not three.
"""

QUIET = 2.0
"""Seconds after which a number of seconds left has fallen, however it is rounded."""

_ROUND = frozenset(
    [count * unit for unit in (1, 60, 3600) for count in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]
    + [86_400 * days for days in (1, 7, 28, 29, 30, 31)]
)
"""Seconds that windows are made of."""


class _Seen(NamedTuple):
    value: float
    remaining: float | None
    receipt: Receipt


class Slope:
    """Watches the number of one bucket.

    Within a window seconds left fall by one a second, milliseconds by a thousand. The length of the window stays, while
    requests are used up. Where several of these fit, because little time has passed or a new window began, nothing is
    learned. Seconds left is the reading that waits longest: one proof is enough for it, and it takes back any other.

    Attributes:
        meaning: what the number counts, None while that isn't known.
    """

    def __init__(self) -> None:
        self.meaning: Meaning | None = None
        self._last: _Seen | None = None
        self._suspected: Meaning | None = None
        self._proofs = 0

    def observe(self, value: float, remaining: float | None, receipt: Receipt, told: float | None) -> None:
        """Take a number, what remained beside it, and the seconds that the same answer told to wait."""
        last, self._last = self._last, _Seen(value, remaining, receipt)
        if told is not None and abs(told - value) <= 1:
            self._take("seconds")
        elif last is not None:
            self._compare(last, self._last)

    def window(self) -> float | None:
        """Give the length of the window in seconds, if that is what the number is."""
        if self.meaning != "window" or self._last is None:
            return None
        value = self._last.value
        return value if value in _ROUND else value / 1000

    def read(self, reset: Reset) -> Reset:
        """Give the reset as it is to be understood."""
        if self.meaning == "milliseconds":
            return Reset(reset.seconds / 1000, step(reset.seconds / 1000))
        return Reset(reset.seconds, reset.step, clear=self.meaning == "seconds")

    def _compare(self, last: _Seen, now: _Seen) -> None:
        # Between the two servings of the API lies at least and at most this.
        least = max(0.0, now.receipt.sent - last.receipt.received)
        most = max(0.0, now.receipt.received - last.receipt.sent)
        fall = last.value - now.value
        seconds = least - 1 <= fall <= most + 1
        milliseconds = 1000 * least - 1 <= fall <= 1000 * most + 1
        if seconds and fall > 0 and not milliseconds:
            self._take("seconds")
        elif milliseconds and not seconds:
            # With answers close together almost any fall would fit: half the time must be known.
            self._suspect("milliseconds" if least >= most / 2 else None)
        elif fall == 0 and not seconds:
            self._suspect("window" if least >= QUIET and _used(last, now) and _length(now.value) else None)
        elif not seconds:
            self._suspect(None)

    def _take(self, meaning: Meaning) -> None:
        self.meaning, self._suspected, self._proofs = meaning, None, 0

    def _suspect(self, meaning: Meaning | None) -> None:
        self._proofs = self._proofs + 1 if self._suspected == meaning else 1
        self._suspected = meaning
        if meaning and self._proofs >= PROOFS:
            self.meaning = meaning


def _used(last: _Seen, now: _Seen) -> bool:
    """Requests were used up in between, so it is the same window."""
    return last.remaining is not None and now.remaining is not None and now.remaining < last.remaining


def _length(value: float) -> bool:
    return value in _ROUND or value / 1000 in _ROUND
