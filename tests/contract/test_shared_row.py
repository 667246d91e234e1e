"""What the row of a shared budget promises, on a real server whose clock the tests set."""

import pytest

from datasync.errors import SinkUnavailable
from tests.desk import LIFE, WINDOW, Desk, at_desk
from tests.support import Database


def test_no_more_slots_are_out_than_the_api_allows(database: Database) -> None:
    async def use(desk: Desk) -> None:
        assert len((await desk.call("a", want=7)).opens_in) == 7
        assert len((await desk.call("b", want=7)).opens_in) == 3
        assert (await desk.call("c", want=7)).opens_in == []

    at_desk(database, use)


def test_a_slot_is_free_again_one_window_after_the_answer(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=10)
        await desk.time.run(1)
        # Answered 0.5 s before it is told.
        await desk.call("a", frees_in=[WINDOW - 0.5] * 10)
        assert (await desk.call("b", want=10)).opens_in == []
        await desk.time.run(WINDOW - 0.5 - LIFE / 2 - 0.001)
        turn = await desk.call("b", want=10)
        assert not turn.opens_in
        assert turn.wait == pytest.approx(0.005)
        await desk.time.run(0.005)
        turn = await desk.call("b", want=10)
        assert turn.opens_in == pytest.approx([LIFE / 2 - 0.004] * 10)

    at_desk(database, use)


def test_what_a_dead_holder_held_counts_as_used_when_its_lease_ends_and_is_back_one_window_later(
    database: Database,
) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("dead", want=10)
        await desk.time.run(LIFE + WINDOW - LIFE / 2 - 0.001)
        assert (await desk.call("b", want=10)).opens_in == []
        await desk.time.run(0.002)
        assert (await desk.call("b", want=10)).opens_in == pytest.approx([LIFE / 2 - 0.001] * 10)

    at_desk(database, use)


def test_a_holder_that_comes_back_after_its_lease_has_lost_what_it_did_not_use(database: Database) -> None:
    async def use(desk: Desk) -> None:
        before = await desk.call("a", want=6)
        await desk.time.run(LIFE + 1)
        turn = await desk.call("a", in_flight=2, unused=4, want=10)
        assert turn.lease != before.lease
        # Six count as used when the lease ended, and the two whose fate is open are held besides.
        assert len(turn.opens_in) == 2

    at_desk(database, use)


def test_a_lease_that_began_in_an_answer_that_was_lost_has_none_of_the_slots_of_the_one_before(
    database: Database,
) -> None:
    async def use(desk: Desk) -> None:
        before = await desk.call("a", want=6)
        await desk.time.run(LIFE + 1)
        await desk.call("a", in_flight=2, unused=4, lost=True)
        after = await desk.call("a", in_flight=2, unused=4)
        assert after.lease != before.lease
        assert len((await desk.call("b", want=10)).opens_in) == 10 - 6 - 2

    at_desk(database, use)


def test_an_open_slot_given_back_is_free_at_once_and_one_not_open_yet_when_it_opens(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=10)
        await desk.call("a", frees_in=[3.0] * 8, want=0)  # two were open and unused
        assert (await desk.call("b", want=4)).opens_in == pytest.approx([0, 0, 3, 3])
        await desk.call("b", frees_in=[3.0, 3.0], want=0)
        assert (await desk.call("c", want=10)).opens_in == pytest.approx([0, 0, *[3] * 8])

    at_desk(database, use)


def test_slots_of_an_answer_that_was_lost_come_back_with_the_next_call(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=10)
        await desk.call("a", frees_in=[2.0] * 4, in_flight=6)
        await desk.call("a", in_flight=6, want=3, lost=True)
        assert len((await desk.call("b", want=10)).opens_in) == 1
        await desk.call("a", in_flight=6)
        # The three were to open in 2 s, and the database does not forget that.
        assert (await desk.call("c", want=10)).opens_in == pytest.approx([2, 2, 2])

    at_desk(database, use)


def test_a_call_that_comes_late_changes_nothing(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=5)
        await desk.call("a", unused=5, want=2)
        before = await desk.row_now()
        with pytest.raises(SinkUnavailable, match="later call"):
            await desk.call("a", epoch=1, in_flight=1, want=4)
        assert await desk.row_now() == before

    at_desk(database, use)


def test_a_refusal_holds_everybody_back(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=2)
        await desk.call("a", in_flight=1, unused=1, block=20)
        turn = await desk.call("b", want=2)
        assert (turn.opens_in, turn.blocked) == ([], 20)
        assert turn.wait == 20 - LIFE / 2
        await desk.time.run(turn.wait)
        assert (await desk.call("b", want=2)).opens_in == pytest.approx([LIFE / 2] * 2)

    at_desk(database, use)


def test_a_limit_that_the_api_changes_counts_for_everybody_at_once(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=6)
        assert (await desk.call("b", want=1, max_slots=40)).max_slots == 10  # a setting of its own changes nothing
        assert (await desk.call("b", unused=1, by_api=True, max_slots=8)).max_slots == 8
        turn = await desk.call("a", unused=6, want=6)
        assert (len(turn.opens_in), turn.max_slots) == (1, 8)

    at_desk(database, use)


def test_a_window_that_turns_out_longer_holds_for_what_was_answered_before(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=4)
        await desk.call("b", want=1)
        await desk.call("a", frees_in=[WINDOW] * 2, in_flight=2)
        await desk.call("b", in_flight=1, by_api=True, window=WINDOW + 30)
        # Tells two more and has not heard of it yet.
        await desk.call("a", frees_in=[WINDOW] * 2)
        row = await desk.row_now()
        assert (row["free_at"], row["slots"]) == ([pytest.approx(desk.time.now + WINDOW + 30)], [4])

    at_desk(database, use)


def test_a_process_alone_brings_its_own_limit(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=6)
        await desk.time.run(LIFE + 1)
        turn = await desk.call("b", want=40, max_slots=40)
        assert (len(turn.opens_in), turn.max_slots) == (34, 40)

    at_desk(database, use)


def test_what_the_api_counts_and_nobody_sent_is_taken_as_used(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=2)
        # One answered, one on its way; the API says seven are taken: five came from outside.
        await desk.call("a", frees_in=[WINDOW], in_flight=1, taken=7, taken_age=0.1)
        assert len((await desk.call("b", want=5)).opens_in) == 3
        await desk.call("b", frees_in=[WINDOW] * 3, taken=10, taken_age=0.1)
        assert sum((await desk.row_now())["slots"]) == 1 + 5 + 3

    at_desk(database, use)


def test_an_old_word_of_the_api_about_slots_that_are_free_since_takes_none(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=10)
        await desk.call("a", frees_in=[1.0] * 10)
        await desk.time.run(2)
        assert len((await desk.call("a", want=10, taken=10, taken_age=1.5)).opens_in) == 10

    at_desk(database, use)


@pytest.mark.fault(63)
def test_a_clock_that_is_set_back_holds_nothing_up_for_longer_than_a_window_and_a_lease(database: Database) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=6)
        await desk.call("a", frees_in=[WINDOW] * 6, block=5)
        await desk.call("b", want=4)
        desk.time.now -= 86_400
        await desk.call("c", want=1)
        await desk.time.run(3_600)
        assert len((await desk.call("c", want=10)).opens_in) == 10

    at_desk(database, use)


@pytest.mark.parametrize(("max_slots", "entries"), [(500, 400), (50_000, 101)])
def test_a_large_budget_is_counted_in_hundredths_of_a_window_and_none_is_early(
    database: Database, max_slots: int, entries: int
) -> None:
    async def use(desk: Desk) -> None:
        await desk.call("a", want=400)
        answered = [WINDOW * i / 400 for i in range(1, 401)]
        await desk.call("a", frees_in=answered)
        for _ in range(3):  # what is rounded stays where it is
            await desk.call("a", want=1)
            await desk.call("a", want=0)
        row = await desk.row_now()
        assert (len(row["free_at"]) <= entries, sum(row["slots"])) == (True, 400)
        free_at = [at - desk.time.now for at, n in zip(row["free_at"], row["slots"], strict=True) for _ in range(n)]
        late = [at - due for at, due in zip(free_at, answered, strict=True)]
        assert min(late) > -1e-6
        assert max(late) < WINDOW / 100

    at_desk(database, use, max_slots)


def test_equal_demand_gets_equal_shares_even_of_a_small_budget(database: Database) -> None:
    async def use(desk: Desk) -> None:
        got = dict.fromkeys("abcd", 0)
        for _ in range(12):
            for pause in (WINDOW - LIFE / 2, LIFE / 2 - LIFE / 8, LIFE / 8):
                for holder in "abcd":  # always in this order
                    turn = await desk.call(holder, want=3)
                    await desk.call(holder, frees_in=[opens + WINDOW for opens in turn.opens_in])
                    got[holder] += len(turn.opens_in)
                await desk.time.run(pause)
        shares = list(got.values())
        assert sum(shares) == 13 * 10  # the last ten before they open
        assert max(shares) - min(shares) <= 4

    at_desk(database, use)
