"""The governor in virtual time: who goes when, what wakes whom, and what is left when somebody gives up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.config.schema import SlotSettings
from datasync.errors import EXIT_LEFT, Paused
from datasync.http.transport import Answer
from datasync.limits.concurrency import SeedSlots, Slots
from datasync.limits.governor import NO_END, Governor, Permit
from datasync.limits.pause import MARGIN, SECONDARY
from datasync.model import RunStats
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.simulator.virtual.loop import run
from tests.unit.test_ledger import steps

WALL = 1_700_000_000.0


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
    return answer(headers={"ratelimit-policy": f'"a";q={limit};w={window}', "ratelimit": f'"a";r={remaining};t={window}'})


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


def idle(governor: Governor) -> bool:
    """Nothing is in flight, in line or waited for."""
    budgets = governor._budgets.values()
    return (
        not any(governor._in_flight.values())
        and not any(line.locked() for line in governor._lines.values())
        and not any(budget._in_flight for budget in budgets)
        and len(asyncio.all_tasks()) == 1
    )


async def begun(governor: Governor, route: str = "") -> None:
    """Put the first requests behind, which go one at a time."""
    governor.budget(route).start.end()


def test_the_governor_never_lets_more_requests_go_than_there_are_slots() -> None:
    most = 0

    async def main() -> None:
        governor = make(SeedSlots(SlotSettings(initial=3)))
        await begun(governor)
        going = 0

        async def request() -> None:
            nonlocal going, most
            async with governor.permit():
                going += 1
                most = max(most, going)
                await asyncio.sleep(0.1)
                going -= 1

        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(request())
        assert idle(governor)

    run(main())
    assert most == 3


def test_requests_of_a_route_go_in_the_order_in_which_they_asked() -> None:
    async def main() -> list[int]:
        governor = make(3)
        await begun(governor)
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
        await begun(governor)
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


def test_who_is_cancelled_while_waiting_leaves_no_slot_taken_and_no_task_behind() -> None:
    async def main() -> None:
        governor = make(2)
        await begun(governor)
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


@pytest.mark.parametrize("waiting", ["for a slot", "for the budget"])
def test_a_stop_ends_hundreds_that_wait_at_once_and_nothing_more_is_sent(waiting: str) -> None:
    async def main() -> None:
        stop = Stop()
        clock = asyncio.get_running_loop().time
        governor = make(5, stop.wait)
        if waiting == "for the budget":
            await ask(governor, rate(10, 0))
        else:
            await begun(governor)
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
        await begun(governor)
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
        assert caught.value.resume_at_us / 1e6 == pytest.approx(WALL + asyncio.get_running_loop().time() + left, abs=0.1)
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


def test_a_refusal_waits_exactly_what_it_says_and_counts_as_one() -> None:
    async def main() -> None:
        governor = make()
        async with governor.permit() as permit:
            permit.refused(answer(429, {"retry-after": "28"}))
        assert await ask(governor, answer()) == pytest.approx(28 + MARGIN, abs=1e-3)
        assert governor._stats.refused == 1
        assert governor._stats.waited == pytest.approx(28 + MARGIN, abs=1e-3)

    run(main())


def test_a_minute_is_waited_after_a_refusal_that_says_nothing_where_the_budget_is_not_used_up() -> None:
    async def main() -> None:
        governor = make()
        await ask(governor, rate(5000, 4000, window=3600), took=0)
        async with governor.permit() as permit:
            permit.refused(answer(403, {"retry-after": ""}, b'{"message": "secondary rate limit"}'))
        assert SECONDARY <= await ask(governor, answer()) <= 1.5 * SECONDARY + 1

    run(main())


def test_a_refusal_for_the_number_at_once_lowers_that_and_not_the_pace() -> None:
    async def main() -> None:
        governor = make(8)
        await begun(governor)
        permits: list[Permit] = []

        async def request() -> None:
            async with governor.permit() as permit:
                permits.append(permit)
                await asyncio.sleep(1)
                permit.refused(answer(429, {"stripe-rate-limited-reason": "global-concurrency"}))

        await asyncio.gather(*(request() for _ in range(8)))
        began = asyncio.get_running_loop().time()
        most = going = 0

        async def another() -> None:
            nonlocal most, going
            async with governor.permit() as permit:
                going += 1
                most = max(most, going)
                await asyncio.sleep(0.1)
                going -= 1
                permit.answered(answer())

        await asyncio.gather(*(another() for _ in range(4)))
        assert most <= 4
        assert asyncio.get_running_loop().time() - began < 1, "and none had to wait for a pause"

    run(main())


def test_a_limit_of_requests_at_once_that_the_api_tells_is_kept_to() -> None:
    async def main() -> int:
        governor = make(10)
        told = answer(headers={"ratelimit-policy": '"c";q=3;qu="concurrent-requests"', "ratelimit": '"c";r=2'})
        await ask(governor, told)
        await begun(governor)
        most = going = 0

        async def request() -> None:
            nonlocal most, going
            async with governor.permit() as permit:
                going += 1
                most = max(most, going)
                await asyncio.sleep(0.1)
                going -= 1
                permit.answered(answer())

        await asyncio.gather(*(request() for _ in range(60)))
        return most

    assert run(main()) == 3


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
            await begun(governor)
            left = 10_000
            await asyncio.gather(*(request(governor, left) for _ in range(waiters)))

        async def request(governor: Governor, left: int) -> None:
            await ask(governor, rate(100_000, left), took=0.1)

        return steps(lambda: run(main())) / waiters

    few, many = cost(20), cost(1000)
    assert many <= 1.3 * few


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-ratelimit-used",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "x-shopify-shop-api-call-limit",
            "x-amzn-ratelimit-limit",
            "age",
            "date",
        ]
    ),
    st.sampled_from(["0", "1", "-5", "10", "10, 10;w=1", "60", "1e12", "nan", "1e308", "9223372036854775808", "0.5", ""])
    | st.sampled_from(['"a";q=0;w=0', '"a";r=0;t=0', '"a";q=10;w=60', '"a";r=3;t=2147483647', "40/40", "0/0", "99/1"])
    | st.sampled_from(["1790000000", "1790000060000", "Wed, 21 Oct 2015 07:28:00 GMT", "6m0s", "2.0", "999999999"]),
    max_size=6,
)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(HEADERS, st.sampled_from([200, 200, 200, 404, 429, 403, 500, 503]), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_no_header_brings_the_governor_to_a_stop_or_down(
    replies: list[tuple[dict[str, str], int, bool]],
) -> None:
    async def main() -> None:
        async def wait(seconds: float) -> None:
            assert 0 <= seconds <= 900
            if seconds == NO_END:  # only an answer can tell, so one must be on its way
                await asyncio.sleep(0.001)
                assert any(governor._in_flight.values())
            await asyncio.sleep(seconds)

        governor = make(4, wait, max_wait=900)
        left = list(replies)

        async def worker(route: str) -> None:
            try:
                while left:
                    headers, status, lost = left.pop()
                    async with governor.permit(route) as permit:
                        await asyncio.sleep(0.2)
                        if not lost:
                            reply = answer(status, headers)
                            (permit.refused if status in (429, 403) else permit.answered)(reply)
            except Paused:
                return

        async with asyncio.TaskGroup() as group:
            for route in ("a", "a", "b", "c"):
                group.create_task(worker(route))
        assert idle(governor)

    run(main())
