"""How long a window is, where the API doesn't say: learned from its resets."""

from typing import Final

LENGTHS: Final = tuple(
    sorted(
        [count * unit for unit in (1, 60, 3600) for count in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]
        + [86_400 * days for days in (1, 7, 28, 29, 30, 31)]
    )
)
"""Seconds that windows are made of."""


ROUNDED: Final = 2.5
"""Seconds by which a reset is told, at the worst."""

CLOSE: Final = 0.05
"""Seconds."""

SHORT: Final = 6.0
"""Seconds. Of shorter windows a reset in whole seconds leaves several usual lengths possible."""

AMBIGUOUS: Final = 10.0
"""Seconds between the earliest and the latest, from which on they are two readings of one number."""


def likely(least: float, most: float) -> float:
    """The length between `least` and `most` seconds: a usual one, or `most` if none is.

    Resets are rounded, so that they tell a length to a second or two. Nobody makes windows of 59 or 61 s. Of several
    the one counts that stood there, a second before `most`, and then the longest. Where the two are far apart the
    number was one of seconds or of milliseconds: it is that of which a usual length comes out.
    """
    for low, high in ((max(least, most - ROUNDED), most), (least, min(most, least + ROUNDED))):
        usual = [length for length in LENGTHS if low <= length <= high]
        if usual and (low > 0 or high == most):
            stood = high - 1
            return float(next((length for length in usual if abs(length - stood) < CLOSE), usual[-1]))
    return most


class WindowLength:
    """The longest time until a reset that was seen.

    Attributes:
        seconds: the length, None while nothing is known.
        sure: an answer told of a window that had just begun, or the API said how long it is. Until then it may be
            longer.
        told: the API said how long it is.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.sure = False
        self.told = False

    def declared(self, seconds: float) -> None:
        """Take the API's word."""
        self.seconds, self.sure, self.told = seconds, True, True

    def too_short(self) -> None:
        """A refusal came although it was kept to. A short one may be longer than it looked, if it wasn't told."""
        if self.seconds is not None and not self.told and self.seconds < SHORT:
            self.seconds = float(next((length for length in LENGTHS if length > self.seconds), self.seconds))

    def saw(self, reset: tuple[float, float], *, fresh: bool) -> None:
        """Take seconds until a reset, at the earliest and latest; `fresh` if the window had just begun."""
        length = likely(*reset)
        if self.seconds is not None and length not in LENGTHS and reset[1] - reset[0] > AMBIGUOUS:
            return
        if self.seconds is None or length > self.seconds:
            self.seconds = length
            self.sure = fresh
        elif fresh:
            self.sure = True
