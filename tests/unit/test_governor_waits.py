"""The governor's waits in virtual time: how long, what ends them, and what they end."""

from __future__ import annotations

import asyncio
import math

import pytest

from datasync.errors import EXIT_LEFT, Paused
from datasync.limits.pause import MARGIN, SECONDARY
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.simulator.virtual.loop import run
from tests.limiter import WALL, answer, ask, begun, idle, make, rate


@pytest.mark.parametrize("waiting", ["for a slot", "for the budget"])
def test_a_stop_ends_hundreds_that_wait_at_once_and_nothing_more_is_sent(waiting: str) -> None:
    async def main() -> None:
        stop = Stop()
        clock = asyncio.get_running_loop().time
        governor = make(5, stop.wait)
        if waiting == "for the budget":
            await ask(governor, rate(10, 0))
        else:
            begun(governor)
        sent: list[float] = []

        async def request() -> None:
            async with governor.permit():
                sent.append(clock())
                await stop.guard(asyncio.sleep(1000))

        tasks = [asyncio.create_task(request()) for _ in range(300)]
        await asyncio.sleep(10)
        before = len(sent)
        assert before == (5 if waiting == "for a slot" else 0)
        stop.request()
        asked_at = clock()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, Stopped) for error in ended)
        assert clock() - asked_at < 0.01
        assert len(sent) == before
        assert idle(governor)

    run(main())


def test_who_joins_the_line_just_as_its_first_leaves_it_is_stopped_like_the_others() -> None:
    async def main() -> None:
        stop = Stop()
        governor = make(1, stop.wait)
        begun(governor)
        sent = 0

        async def request(seconds: float) -> None:
            nonlocal sent
            async with governor.permit():
                sent += 1
                await stop.guard(asyncio.sleep(seconds))

        first = asyncio.create_task(request(5))
        await asyncio.sleep(1)
        tasks = [asyncio.create_task(request(1000)) for _ in range(2)]
        await first
        # One joins in each turn of the loop, until long after the first of the line has gone.
        for _ in range(30):
            tasks.append(asyncio.create_task(request(1000)))
            await asyncio.sleep(0)
        assert sent == 2
        stop.request()
        assert all(isinstance(error, Stopped) for error in await asyncio.gather(*tasks, return_exceptions=True))
        assert sent == 2

    run(main())


def test_a_wait_longer_than_allowed_ends_the_run_and_says_when_to_go_on() -> None:
    async def main() -> Paused:
        governor = make(max_wait=900)
        await ask(governor, rate(1000, 0, window=86_400))
        with pytest.raises(Paused) as caught:
            await ask(governor, answer())
        assert idle(governor)
        left = governor.budget("").delay(asyncio.get_running_loop().time())
        assert caught.value.resume_at_us / 1e6 == pytest.approx(
            WALL + asyncio.get_running_loop().time() + left, abs=0.1
        )
        return caught.value

    paused = run(main())
    assert paused.exit_code == EXIT_LEFT == 1
    assert "--max-wait" in (paused.hint or "")
    assert "paused until 2023-11-15T22:13:2" in str(paused), "a day after the first request"


def test_every_one_in_line_is_told_of_the_pause() -> None:
    async def main() -> None:
        governor = make(max_wait=900)
        await ask(governor, rate(1000, 0, window=86_400))
        ended = await asyncio.gather(*(ask(governor, answer()) for _ in range(50)), return_exceptions=True)
        assert all(isinstance(error, Paused) for error in ended)
        assert idle(governor)

    run(main())


@pytest.mark.parametrize("max_wait", [86_500.0, math.inf])
def test_a_wait_no_longer_than_allowed_is_waited_for(max_wait: float) -> None:
    async def main() -> None:
        governor = make(max_wait=max_wait)
        await ask(governor, rate(1000, 0, window=86_400))
        assert 86_400 <= await ask(governor, answer()) <= 86_404
        assert governor._stats.waited == pytest.approx(86_402, abs=2)

    run(main())


@pytest.mark.fault(1)
def test_a_refusal_waits_exactly_what_it_says_and_counts_as_one() -> None:
    async def main() -> None:
        governor = make()
        async with governor.permit() as permit:
            permit.refused(answer(429, {"retry-after": "28"}))
        assert await ask(governor, answer()) == pytest.approx(28 + MARGIN, abs=1e-3)
        assert governor._stats.refused == 1
        assert governor._stats.waited == pytest.approx(28 + MARGIN, abs=1e-3)

    run(main())


@pytest.mark.fault(1)
def test_a_minute_is_waited_after_a_refusal_that_says_nothing_where_the_budget_is_not_used_up() -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, rate(5000, 4000, window=3600), took=0)
        async with governor.permit() as permit:
            permit.refused(answer(403, {"retry-after": ""}, b'{"message": "secondary rate limit"}'))
        assert SECONDARY <= await ask(governor, answer()) <= 1.5 * SECONDARY + 1

    run(main())
