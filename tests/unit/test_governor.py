"""The governor in virtual time: who goes when, what wakes whom, and what is left when somebody gives up."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.config.schema import SlotSettings
from datasync.limits.concurrency import SeedSlots
from datasync.limits.governor import Governor
from datasync.simulator.virtual.loop import run
from tests.limiter import FewSlots, answer, ask, begun, idle, make, most_at_once, rate, steps


def test_the_governor_never_lets_more_requests_go_than_there_are_slots() -> None:
    async def main() -> int:
        governor = make(SeedSlots(SlotSettings(initial=3)))
        begun(governor)
        most = await most_at_once(governor, 50)
        assert idle(governor)
        return most

    assert run(main()) == 3


def test_requests_of_a_route_go_in_the_order_in_which_they_asked() -> None:
    async def main() -> list[int]:
        governor = make(3)
        begun(governor)
        gone: list[int] = []
        draw = Random(1)

        async def request(number: int) -> None:
            async with governor.permit():
                gone.append(number)
                await asyncio.sleep(draw.uniform(0.01, 1))

        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(request(number))
                if number % 7 == 0:
                    await asyncio.sleep(0.05)
        return gone

    assert run(main()) == list(range(100))


def test_a_route_that_must_wait_holds_no_other_route_back() -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, rate(10, 0), "a")
        await ask(governor, rate(10, 9), "b")
        async with asyncio.timeout(1000):
            waiting = asyncio.create_task(ask(governor, rate(10, 0), "a"))
            await asyncio.sleep(1)
            assert await ask(governor, rate(10, 8), "b") == pytest.approx(1.4, abs=0.01)
            assert await waiting > 59

    run(main())


def test_a_slot_that_becomes_free_is_taken_at_once() -> None:
    async def main() -> None:
        governor = make(1)
        first = asyncio.create_task(ask(governor, answer(), took=7.3))
        await asyncio.sleep(1)
        assert await ask(governor, answer()) == pytest.approx(7.3, abs=1e-3)
        await first

    run(main())


def test_more_slots_or_a_raised_limit_wake_who_waits_with_the_answer_that_brings_them() -> None:
    async def main() -> None:
        slots = FewSlots(1)
        governor = make(slots)
        begun(governor)
        slow = asyncio.create_task(ask(governor, answer(), took=100))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(ask(governor, answer(), took=0))
        await asyncio.sleep(5)
        slots.limit = 2
        governor._news()
        assert await waiting == pytest.approx(5, abs=1e-3)
        await slow
        # One waits until the first leaves the window, when the answer of the second tells a higher limit.
        governor = make()
        await ask(governor, rate(2, 1))
        under_way = asyncio.create_task(ask(governor, rate(40, 38), took=20))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time() - 1
        assert await ask(governor, rate(40, 37)) == pytest.approx(began + 20, abs=1e-2)
        await under_way

    run(main())


@pytest.mark.parametrize("refused", [False, True])
def test_who_waits_is_woken_by_what_an_answer_says_and_not_when_its_permit_is_given_back(*, refused: bool) -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, rate(2, 1))

        async def lingering() -> None:
            async with governor.permit() as permit:
                await asyncio.sleep(5)
                if refused:
                    permit.refused(answer(429, {"stripe-rate-limited-reason": "global-concurrency"}))
                else:
                    permit.answered(rate(40, 38))
                woken.append(asyncio.get_running_loop().time())
                await asyncio.sleep(30)

        woken: list[float] = []
        under_way = asyncio.create_task(lingering())
        await asyncio.sleep(1)
        looked: list[float] = []
        delay = governor._delay

        def look(route: str) -> float:
            looked.append(asyncio.get_running_loop().time())
            return delay(route)

        governor._delay = look  # type: ignore[method-assign]
        waiting = asyncio.create_task(ask(governor, rate(40, 37)))
        await asyncio.sleep(10)
        assert any(moment == pytest.approx(woken[0], abs=1e-3) for moment in looked)
        await under_way
        await waiting

    run(main())


def test_who_is_cancelled_while_waiting_leaves_no_slot_taken_and_no_task_behind() -> None:
    async def main() -> None:
        governor = make(2)
        begun(governor)
        going = [asyncio.create_task(ask(governor, rate(100, 90), took=10)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(ask(governor, rate(100, 90))) for _ in range(20)]
        await asyncio.sleep(1)
        for task in waiting[:15] + going[:1]:
            task.cancel()
        await asyncio.gather(*waiting[:15], *going[:1], return_exceptions=True)
        # The slot of the cancelled request is free again, and the next in line has it.
        assert await waiting[15] == pytest.approx(1, abs=1e-2)
        await asyncio.gather(*waiting[15:], going[1])
        assert idle(governor)

    run(main())


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.booleans()), min_size=1, max_size=30), st.integers(1, 4))
def test_whoever_gives_up_at_whatever_moment_all_counts_return_to_zero(
    requests: list[tuple[float, float, bool]], slots: int
) -> None:
    async def main() -> None:
        governor = make(slots)

        async def request(arrives: float, patience: float, refused: bool) -> None:
            await asyncio.sleep(arrives)
            try:
                async with asyncio.timeout(patience), governor.permit() as permit:
                    await asyncio.sleep(0.7)
                    (permit.refused if refused else permit.answered)(answer(429 if refused else 200))
            except TimeoutError:
                return

        async with asyncio.TaskGroup() as group:
            for one in requests:
                group.create_task(request(*one))
        assert idle(governor)

    run(main())


def test_a_request_without_an_answer_counts_as_arrived() -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, rate(2, 1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5), governor.permit():
                await asyncio.sleep(100)
        began = asyncio.get_running_loop().time()
        assert began == pytest.approx(5.2, abs=0.01)
        # The first one leaves the window a minute after its answer, the lost one a minute after it was given up.
        assert await ask(governor, rate(2, 1)) == pytest.approx(60.2, abs=0.1)
        assert await ask(governor, rate(2, 0)) == pytest.approx(65.2, abs=0.1)
        assert idle(governor)

    run(main())


def test_three_routes_that_turn_out_to_share_a_budget_count_every_request_once() -> None:
    async def main() -> None:
        governor = make()
        used = 0
        for _ in range(60):
            for route in "abc":
                used = 0 if used == 60 else used
                async with governor.permit(route) as permit:
                    await asyncio.sleep(0.05)
                    used += 1
                    permit.answered(rate(60, 60 - used))
            if len(set(governor._budgets.values())) == 1:
                break
        (budget,) = set(governor._budgets.values())
        (bucket,) = budget._buckets.values()
        assert bucket._ledger._weight == used  # type: ignore[attr-defined]
        assert bucket._ledger.in_flight == budget._in_flight == 0  # type: ignore[attr-defined]

    run(main())


def test_the_utilisation_is_told_with_every_answer_and_none_without_a_limit() -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, answer())
        assert governor._stats.utilisation is None
        for left in range(9, -1, -1):
            await ask(governor, rate(10, left), took=0)
        assert governor._stats.utilisation == 1.0

    run(main())


def test_a_permit_costs_as_much_with_a_thousand_waiters_as_with_ten() -> None:
    def cost(waiters: int) -> float:
        async def main() -> None:
            governor = make(5)
            begun(governor)
            left = 10_000
            await asyncio.gather(*(request(governor, left) for _ in range(waiters)))

        async def request(governor: Governor, left: int) -> None:
            await ask(governor, rate(100_000, left), took=0.1)

        return steps(lambda: run(main())) / waiters

    few, many = cost(20), cost(1000)
    assert many <= 1.3 * few


def test_nothing_of_a_wait_is_left_at_the_moment_at_which_it_is_given_up() -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, rate(10, 0))
        waiting = asyncio.create_task(ask(governor, answer()))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert idle(governor)

    run(main())
