"""What a process does with its leases."""

import asyncio

from datasync.errors import SinkUnavailable
from datasync.limits.shared import SharedBudget
from datasync.limits.shared_stock import Slot
from tests.scripted_row import LIFE, LIMIT, ScriptedRow, played, take
from tests.support import Clock


def test_slots_are_leased_by_eighths_and_used_when_they_open() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in, row.wait = [0.0, 3.0], 2.0
        await take(budget)
        assert row.calls[-1].want == 2
        assert await budget.take("events", *LIMIT) == 2.0  # to ask, before the next one opens
        row.opens_in, row.wait = [5.0], 9.0
        await clock.sleep(2.0)
        assert await budget.take("events", *LIMIT) == 1.0
        await clock.sleep(1.0)
        await take(budget)
        assert await budget.take("events", *LIMIT) == 4.0

    played(use)


def test_the_slot_that_opens_first_goes_first_whenever_it_was_leased() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in, row.wait = [0.0, 3.0], 1.0
        await take(budget)
        await clock.sleep(1.0)
        row.opens_in = [0.5]
        assert await budget.take("events", *LIMIT) == 0.5

    played(use)


def test_a_lease_is_trusted_for_half_its_life_from_before_the_call() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0] * 4
        await take(budget)
        row.error = SinkUnavailable("gone")
        await clock.sleep(LIFE / 2 - 0.001)
        await take(budget)
        await clock.sleep(0.001)
        assert isinstance(await budget.take("events", *LIMIT), float)

    played(use)


def test_unused_slots_of_a_lease_that_ended_are_not_used() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0] * 2
        await take(budget)
        await clock.sleep(2 * LIFE)
        row.lease, row.wait = 2, 3.0
        assert await budget.take("events", *LIMIT) == 3.0
        assert (row.calls[-1].unused, row.calls[-1].in_flight) == (1, 1)
        await budget.take("events", *LIMIT)
        assert len(row.calls) == 2

    played(use)


def test_answers_are_told_with_the_next_call_and_again_until_one_is_heard() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0]
        budget.answered(await take(budget))
        await clock.sleep(1.0)
        row.error = SinkUnavailable("lost")
        await budget.give_back("events")
        row.error = None
        await clock.sleep(1.0)
        await budget.give_back("events")
        await budget.give_back("events")
        window = LIMIT[1]
        assert [call.frees_in for call in row.calls[1:]] == [[window - 1], [window - 2], []]
        assert [call.heard for call in row.calls] == [0, 1, 1, 3]

    played(use)


def test_a_slot_that_was_not_sent_is_there_again() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in, row.wait = [0.0], 9.0
        budget.unsent(await take(budget))
        await take(budget)
        assert len(row.calls) == 1

    played(use)


def test_a_slot_that_is_due_goes_while_a_call_hangs() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0, 0.0, 1.0]
        await take(budget)
        row.answer.clear()
        hanging = asyncio.create_task(budget.keep())
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(row.calls) == 2
        await take(budget)
        assert isinstance(await budget.take("events", *LIMIT), Slot)  # the one that was to open 1 s later
        hanging.cancel()

    played(use)


def test_a_refusal_holds_our_own_slots_back_too_and_is_told_until_it_is_heard() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in, row.wait = [0.0, 0.0, 0.0], 30.0
        await take(budget)
        row.error = SinkUnavailable("lost")
        await budget.blocked("events", 4.0)
        assert await budget.take("events", *LIMIT) == 4.0
        row.error = None
        await clock.sleep(1.0)
        await budget.give_back("events")
        await budget.give_back("events")
        assert [call.block for call in row.calls] == [0, 4, 3, 0]

    played(use)


def test_what_an_answer_says_goes_out_for_all() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0]
        await take(budget)
        budget.told("events", 8, 40.0, remaining=3)
        await clock.sleep(0.5)
        await budget.give_back("events")
        call = row.calls[-1]
        assert (call.max_slots, call.by_api, call.taken, call.taken_age) == (8, True, 5, 0.5)

    played(use)


def test_a_window_that_turns_out_longer_holds_for_answers_that_are_not_told_yet() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0]
        budget.answered(await take(budget))
        budget.told("events", 16, 100.0)
        await budget.give_back("events")
        assert (row.calls[-1].window, row.calls[-1].frees_in) == (100.0, [100.0])

    played(use)


def test_a_limit_of_zero_asks_for_one_so_that_the_api_can_say_better() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0]
        await take(budget)
        budget.told("events", 0, 40.0, remaining=0)
        await budget.give_back("events")
        assert (row.calls[-1].max_slots, row.calls[-1].taken) == (1, 0)

    played(use)
