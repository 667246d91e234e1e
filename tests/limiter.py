"""What tests of the limiter share: a governor in virtual time, answers, and a count of steps."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from types import FrameType
from typing import Any

from datasync.http.transport import Answer
from datasync.limits.concurrency import Slots
from datasync.limits.governor import Governor
from datasync.stats import RunStats

WALL = 1_700_000_000.0
"""Epoch seconds at which virtual time begins."""


class FewSlots:
    """As many slots as the test says."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def succeeded(self, seconds: float, in_flight: int) -> None:
        pass

    def refused(self) -> None:
        pass


def answer(status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> Answer:
    return Answer(status, headers or {}, body, len(body), 0)


def rate(limit: float, remaining: float, window: int = 60) -> Answer:
    return answer(
        headers={"ratelimit-policy": f'"a";q={limit};w={window}', "ratelimit": f'"a";r={remaining};t={window}'}
    )


def make(slots: Slots | int = 10, wait: Callable[[float], Awaitable[None]] = asyncio.sleep, **more: Any) -> Governor:
    clock = asyncio.get_running_loop().time
    slots = FewSlots(slots) if isinstance(slots, int) else slots
    arguments: dict[str, Any] = {"clock": clock, "wall": lambda: WALL + clock(), "chance": Random(1)}
    return Governor(slots, RunStats(), wait, **(arguments | more))


async def ask(governor: Governor, reply: Answer, route: str = "", took: float = 0.2) -> float:
    """Send one request; give when it went."""
    async with governor.permit(route) as permit:
        await asyncio.sleep(took)
        permit.answered(reply)
        return permit.sent_at


async def most_at_once(governor: Governor, requests: int) -> int:
    """Send so many of 0.1 s each as soon as they may go, and give the most that were in flight together."""
    most = going = 0

    async def request() -> None:
        nonlocal most, going
        async with governor.permit() as permit:
            going += 1
            most = max(most, going)
            await asyncio.sleep(0.1)
            going -= 1
            permit.answered(answer())

    async with asyncio.TaskGroup() as group:
        for _ in range(requests):
            group.create_task(request())
    return most


def idle(governor: Governor) -> bool:
    """Nothing is in flight, in line or waited for."""
    budgets = governor._budgets.values()
    return (
        not any(governor._in_flight.values())
        and not any(line.locked() for line in governor._lines.values())
        and not any(budget._in_flight for budget in budgets)
        and len(asyncio.all_tasks()) == 1
    )


def begun(governor: Governor, route: str = "") -> None:
    """Put the first requests behind, which go one at a time."""
    governor.budget(route).start.end()


def steps(work: Callable[[], object]) -> int:
    """Count the lines of the limiter that run: what grows with a loop, on every machine alike."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "/limits/" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
