"""The governor where an API limits how many run at once, in virtual time."""

from __future__ import annotations

import asyncio

from datasync.limits.permit import Permit
from datasync.simulator.virtual.loop import run
from tests.limiter import answer, ask, begun, make, most_at_once


def test_a_refusal_for_the_number_at_once_lowers_that_and_not_the_pace() -> None:
    async def main() -> None:
        governor = make(8)
        begun(governor)
        permits: list[Permit] = []

        async def request() -> None:
            async with governor.permit() as permit:
                permits.append(permit)
                await asyncio.sleep(1)
                permit.refused(answer(429, {"stripe-rate-limited-reason": "global-concurrency"}))

        await asyncio.gather(*(request() for _ in range(8)))
        began = asyncio.get_running_loop().time()
        assert await most_at_once(governor, 4) <= 4
        assert asyncio.get_running_loop().time() - began < 1, "and none had to wait for a pause"

    run(main())


def test_a_limit_of_requests_at_once_that_the_api_tells_is_kept_to() -> None:
    async def main() -> int:
        governor = make(10)
        told = answer(headers={"ratelimit-policy": '"c";q=3;qu="concurrent-requests"', "ratelimit": '"c";r=2'})
        await ask(governor, told)
        begun(governor)
        return await most_at_once(governor, 60)

    assert run(main()) == 3


def test_a_refusal_for_the_number_at_once_is_waited_for_where_it_says_so() -> None:
    assert run(gap(retry_after=7)) >= 7


def test_a_request_that_is_alone_and_still_one_too_many_waits_longer_each_time() -> None:
    assert run(gap()) >= 0.5
    assert run(gap(refusals=6)) >= 8


async def gap(refusals: int = 1, **headers: int) -> float:
    """Be refused so many times while alone; give the seconds between the last two requests."""
    governor = make(10)
    begun(governor)
    told = {"stripe-rate-limited-reason": "global-concurrency"}
    told |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    last = 0.0
    for _ in range(refusals):
        async with governor.permit() as permit:
            last = permit.sent_at
            permit.refused(answer(429, told))
    return await ask(governor, answer()) - last
