"""The event loop: uvloop where it exists."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

factory: Callable[[], asyncio.AbstractEventLoop]
"""Makes a loop."""
try:
    from uvloop import new_event_loop as factory
except ImportError:  # Windows
    from asyncio import new_event_loop as factory


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)
