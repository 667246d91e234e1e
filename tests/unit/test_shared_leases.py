"""When a process renews its leases and gives them back, and what it does while the database is away."""

import asyncio

import pytest
from structlog.testing import capture_logs

from datasync.errors import SchemaMismatch, SinkUnavailable
from datasync.limits.shared import SharedBudget
from tests.scripted_row import LIFE, LIMIT, ScriptedRow, played, take
from tests.support import Clock


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
