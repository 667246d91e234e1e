"""What the network and chance have in store for the n-th request; the same for every client that is compared."""

from __future__ import annotations

from random import Random
from typing import NamedTuple, TypeAlias

Span: TypeAlias = tuple[float, float]
"""Seconds, from and to; drawn evenly."""


class Trip(NamedTuple):
    """One request's share of chance.

    Attributes:
        out: seconds from the client to the server.
        back: seconds from the server to the client.
        luck: in [0, 1), decides what befalls it.
        cost: units that it takes.
    """

    out: float
    back: float
    luck: float
    cost: float


class Trace:
    """Trips by number, drawn from a seed. The two ways differ independently, as they do on a network."""

    def __init__(self, seed: int, out: Span, back: Span, cost: tuple[int, int] = (1, 1)) -> None:
        self._seed = seed
        self._out = out
        self._back = back
        self._cost = cost
        self._trips: list[Trip] = []
        self._random = Random(seed)

    def __getitem__(self, number: int) -> Trip:
        """Give the trip of the n-th request, counted from 0 in the order of sending."""
        while len(self._trips) <= number:
            draw = self._random
            trip = Trip(draw.uniform(*self._out), draw.uniform(*self._back), draw.random(), draw.randint(*self._cost))
            self._trips.append(trip)
        return self._trips[number]
