"""The served log: what the API gave to whom, for tests and benches to compare with what arrived."""

from __future__ import annotations

import msgspec


class Served(msgspec.Struct):
    """One answer.

    Attributes:
        n: Number of the answer, from 1.
        time: When it began, in epoch seconds.
        endpoint: Name of the endpoint, as in the rate limits.
        cursor: The cursor that was asked for.
        first: Index of the first event in it.
        count: Number of events in it, from `first` on, without repeats.
        status: HTTP status, 0 if the connection was reset instead.
        chaos: Kinds of damage in it, joined by commas.
        complete: The whole answer, as its Content-Length promises, was handed to the network.
        ended: When its writing ended, in epoch seconds; 0 while it goes on.
    """

    n: int
    time: float
    endpoint: str
    cursor: str | None
    first: int | None
    count: int
    status: int
    chaos: str | None
    complete: bool = False
    ended: float = 0.0


class ServedLog:
    """All answers of one simulated API, in the order in which they began."""

    def __init__(self) -> None:
        self._entries: list[Served] = []

    def begin(
        self,
        *,
        time: float,
        endpoint: str,
        cursor: str | None,
        first: int | None,
        count: int,
        status: int,
        chaos: str | None,
    ) -> Served:
        """Enter an answer that is about to be written; its writer says when it is complete."""
        entry = Served(len(self._entries) + 1, time, endpoint, cursor, first, count, status, chaos)
        self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> list[Served]:
        """Give the answers with a number above `after`."""
        return self._entries[after:]
