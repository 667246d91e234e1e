"""What a process does with its leases, without a database: the row is scripted and the clock is the test's."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from datasync.errors import SchemaMismatch, SinkError, SinkUnavailable
from datasync.limits.shared import SharedBudget
from datasync.limits.shared_row import Call, Turn
from datasync.limits.shared_stock import Slot
from tests.support import Clock

LIMIT = (16, 40.0)
LIFE = 10.0


class ScriptedRow:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.opens_in: list[float] = []
        self.wait = 0.0
        self.lease = 1
        self.blocked = 0.0
        self.error: SinkError | None = None
        self.asked = 0
        self.lives: dict[str, float] = {}
        self.buckets_called: list[str] = []
        self.answer = asyncio.Event()
        self.answer.set()

    async def buckets(self) -> dict[str, tuple[int, float]]:
        self.asked += 1
        return {}

    async def call(self, bucket: str, call: Call) -> Turn:
        self.buckets_called.append(bucket)
        self.calls.append(call)
        await self.answer.wait()
        if self.error:
            raise self.error
        opens_in, self.opens_in = self.opens_in, []
        return Turn(
            opens_in if call.want else [], self.wait, self.lease, self.lives.get(bucket, LIFE), self.blocked, *LIMIT
        )


def played(use: Callable[[SharedBudget, ScriptedRow, Clock], Awaitable[None]]) -> None:
    async def main() -> None:
        clock, row = Clock(), ScriptedRow()
        await use(SharedBudget(row, clock, clock.sleep), row, clock)

    asyncio.run(main())


async def take(budget: SharedBudget) -> Slot:
    turn = await budget.take("events", *LIMIT)
    assert isinstance(turn, Slot)
    return turn


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


def test_an_outage_is_logged_once_asked_for_ever_less_often_and_ends_with_a_word() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.error = SinkUnavailable("gone", hint="look at it")
        waits = []
        with capture_logs() as lines:
            for _ in range(12):
                turn = await budget.take("events", *LIMIT)
                assert isinstance(turn, float)
                waits.append(turn)
                await clock.sleep(turn)
            row.error, row.opens_in = None, [0.0]
            await take(budget)
        assert 0.05 <= waits[0] <= 0.1
        assert min(waits[-3:]) >= 2.5
        assert max(waits) <= 5.0
        assert len(row.calls) == 13
        assert [line["event"] for line in lines] == [
            "the shared budget can't be reached; requests wait for it",
            "the shared budget is reached again",
        ]

    played(use)


def test_a_table_that_is_not_ours_ends_the_run() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.error = SchemaMismatch("not ours")
        with pytest.raises(SchemaMismatch):
            await budget.take("events", *LIMIT)

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


def test_a_lease_found_too_old_is_renewed_before_more_is_asked_for() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0] * 5
        await take(budget)
        await clock.sleep(LIFE)
        await take(budget)
        assert [call.want for call in row.calls] == [2, None]

    played(use)


def test_leases_are_renewed_and_given_back_once_nobody_comes() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in, row.wait = [0.0, 0.0, 7.0], 30.0
        slot = await take(budget)
        began = clock.now

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            if clock.now > began + 3 * LIFE:
                raise asyncio.CancelledError

        budget._sleep = sleep
        with pytest.raises(asyncio.CancelledError):
            await budget.keep()
        kept, *others = row.calls[1:]
        assert (kept.unused, kept.in_flight, kept.want) == (2, 1, None)
        # Given back a quarter of a life after somebody was expected; the one that is not open yet when it will be.
        given_back = others[0]
        assert (given_back.unused, given_back.in_flight, given_back.want) == (0, 1, 0)
        assert given_back.frees_in == [began + 7.0 - (began + LIFE / 2)]
        assert len(others) >= 10  # the request on its way keeps its lease
        budget.answered(slot)

    played(use)


def test_closing_gives_everything_back_and_waits_for_no_database() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0, 0.0]
        budget.answered(await take(budget))
        await budget.close()
        assert (row.calls[-1].unused, len(row.calls[-1].frees_in)) == (0, 1)
        row.opens_in = [0.0]
        await take(budget)
        row.error = SinkUnavailable("gone")
        await budget.give_back("events")
        calls = len(row.calls)
        await budget.close()
        assert len(row.calls) == calls

    played(use)


def test_while_the_database_is_away_neither_a_new_route_nor_a_refusal_asks_it_before_its_time() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0] * 2
        await take(budget)
        row.error = SinkUnavailable("gone")
        await budget.blocked("events", 5.0)
        calls = len(row.calls)
        await budget.blocked("events", 5.0)
        assert await budget.buckets() == {}
        assert (len(row.calls), row.asked) == (calls, 0)
        row.error = None
        await clock.sleep(6.0)
        await budget.buckets()
        assert row.asked == 1

    played(use)


def test_a_bucket_of_short_leases_makes_no_other_one_call_more_often() -> None:
    async def use(budget: SharedBudget, row: ScriptedRow, clock: Clock) -> None:
        row.opens_in = [0.0] * 2
        await take(budget)
        row.lives["brief"] = LIFE / 40
        row.opens_in = [0.0]
        await budget.take("brief", 1, 1.0)
        calls = row.buckets_called.count("events")
        until = clock() + LIFE / 2

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            if clock() > until:
                raise asyncio.CancelledError

        budget._sleep = sleep
        with pytest.raises(asyncio.CancelledError):
            await budget.keep()
        assert 1 <= row.buckets_called.count("events") - calls <= 4

    played(use)
