"""What a scenario drives: anything that lets requests go and hears of their answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Protocol, TypeAlias

from datasync.http.transport import Answer


class Permit(Protocol):
    """Leave to send one request. It hears exactly one of the two, or neither when no answer came."""

    def answered(self, answer: Answer) -> None:
        """Hear of an answer that was no refusal."""
        ...

    def refused(self, answer: Answer) -> None:
        """Hear of a limit signal."""
        ...


class Limiter(Protocol):
    """Lets requests go."""

    def permit(self, route: str = "") -> AbstractAsyncContextManager[Permit]:
        """Wait until a request to `route` may go; may raise a DatasyncError that ends the work."""
        ...


Wait: TypeAlias = Callable[[float], Awaitable[None]]

Make: TypeAlias = Callable[[Callable[[], float], Callable[[], float], Wait, Random], Limiter]
"""Makes a limiter of a steady clock, a wall clock in epoch seconds, a sleep and a source of chance."""
