"""A stream that was read to its end is read on, from where it was, and each round's end is proven."""

import asyncio

import asyncpg
import pytest

from datasync.config.schema import RoundSettings, TableSettings
from datasync.errors import CountsDiffer, RowsMissing
from datasync.model import Batch, Checkpoint, PartitionState, Window
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import commit, last, more, page, plan, run, settings, stores

TABLE = TableSettings("orders")
ROUNDS = RoundSettings(again=True, lookback_us=10, start_us=5)
FIRST = Checkpoint("end", None, 2, 3, total=3, since_us=5, newest_us=100)


def one(checkpoint: Checkpoint) -> tuple[PartitionState, ...]:
    return (PartitionState(checkpoint=checkpoint),)


def test_a_round_begins_at_the_newest_timestamp_less_the_lookback_and_counts_anew(database: Database) -> None:
    chosen = settings(database, TABLE, rounds=ROUNDS)
    assert run(chosen, use=stores(last((1, "a"), (2, "b"), (3, "c"), to=FIRST))) == one(Checkpoint(since_us=5))
    second = Checkpoint(since_us=90, newest_us=100)
    assert run(chosen) == one(second), "nothing was committed"
    under_way = Checkpoint("on", None, 1, 1, total=2, since_us=90, newest_us=200)
    assert run(chosen, use=stores(more((4, "d"), to=under_way))) == one(second)
    end = Checkpoint("end", None, 2, 2, total=2, since_us=90, newest_us=200)
    assert run(chosen, use=stores(last((4, "d"), to=end))) == one(under_way), "an interrupted round is the same one"
    assert run(chosen) == one(Checkpoint(since_us=190, newest_us=200))
    assert database.value("SELECT count(*) FROM orders") == 4


def test_without_rounds_a_complete_stream_stays_so(database: Database) -> None:
    run(settings(database, TABLE, rounds=ROUNDS), use=stores(last((1, "a"), to=Checkpoint("end", newest_us=7))))
    (state,) = run(settings(database, TABLE))
    assert state.checkpoint == Checkpoint("end", newest_us=7, complete=True)


def test_without_a_timestamp_every_round_begins_where_the_first_one_did(database: Database) -> None:
    chosen = settings(database, TABLE, rounds=ROUNDS)
    run(chosen, use=stores(last((1, "a"))))
    assert run(chosen) == one(Checkpoint(since_us=5))


def test_a_table_that_is_replaced_is_asked_for_as_a_whole_each_time(database: Database) -> None:
    chosen = settings(database, TableSettings("orders", "replace"), rounds=RoundSettings(again=True))
    for _ in range(3):
        (begun,) = run(chosen, use=stores(last((1, "a"), (2, "b"), to=Checkpoint("end", total=2, newest_us=100))))
        assert begun.checkpoint.since_us is None
    assert database.value("SELECT (events_ingested, duplicates, served) = (2, 4, 6) FROM cursor_state")


def test_windows_of_the_round_before_become_one_partition(database: Database) -> None:
    halves = {0: Window(50, None), 1: Window(None, 50)}
    ends = [Checkpoint("x", None, 2, 1, 2, True, None, 9), Checkpoint("y", None, 1, 1, 2, True, None, 7)]
    windowed = [Batch([page((n, "a"))], end, n, halves) for n, end in enumerate(ends)]
    chosen = settings(database, TABLE, rounds=RoundSettings(again=True))
    run(chosen, use=stores(*windowed))
    assert run(chosen) == one(Checkpoint(since_us=9, newest_us=9))
    assert database.value("SELECT count(*) FROM stream_partitions") == 1


def test_a_total_of_what_is_newer_is_held_against_what_the_round_was_served(database: Database) -> None:
    """The table has more rows than that, whatever is missing; and a page that is read again makes up for nothing."""
    chosen = settings(database, TABLE, rounds=RoundSettings(again=True))
    run(chosen, use=stores(last(*((n, "a") for n in range(9)), to=Checkpoint("end", newest_us=100))))
    rest = Checkpoint("on", total=5, since_us=100, newest_us=200)

    async def short(sink: PostgresSink) -> None:
        (done,) = await commit(sink, [Batch([page((9, "b"), (10, "b")), page((11, "b"))], _ended(rest))])
        assert (done.complete, done.missing) == (False, 2)

    async def again(sink: PostgresSink) -> None:
        for missing in (2, 2, 0):
            rows = [(11, "b")] if missing else [(11, "b"), (12, "b"), (13, "b")]
            (done,) = await commit(sink, [last(*rows, to=rest)])
            assert (done.complete, done.missing) == (not missing, missing)

    run(chosen, use=short)
    run(chosen, use=again)
    assert run(chosen)[0].checkpoint.since_us == 200


def test_a_round_that_may_end_at_what_is_known_need_not_be_served_the_total(database: Database) -> None:
    chosen = settings(database, TABLE, rounds=RoundSettings(again=True, until_known=1))
    run(chosen, use=stores(last(*((n, "a") for n in range(9)), to=Checkpoint("end", total=9, newest_us=100))))
    run(chosen, use=stores(last((8, "a"), (9, "b"), to=Checkpoint("end", total=10, since_us=100, newest_us=101))))
    assert database.value("SELECT complete FROM cursor_state")


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        ("DELETE FROM orders WHERE id = 1", RowsMissing),
        ("UPDATE cursor_state SET served = served + 1", CountsDiffer),
    ],
    ids=["rows", "counts"],
)
def test_no_round_begins_on_top_of_a_stream_that_is_not_whole(
    database: Database, harm: str, error: type[Exception]
) -> None:
    chosen = settings(database, TABLE, rounds=RoundSettings(again=True))
    run(chosen, use=stores(last((1, "a"), to=Checkpoint("end", newest_us=100))))
    database.execute(harm)
    with pytest.raises(error):
        run(chosen)
    assert database.value("SELECT complete FROM cursor_state")


def test_a_round_that_another_run_has_begun_is_not_begun_twice(database: Database) -> None:
    """As behind a pooler: it begins between this one's look and its taking over."""
    chosen = settings(database, TABLE, rounds=RoundSettings(again=True))
    run(chosen, use=stores(last((1, "a"), to=Checkpoint("end", served=1, newest_us=100))))

    async def main() -> None:
        sink = PostgresSink(chosen, "s", plan())
        seen = await sink.connect()
        other = await asyncpg.connect(database.dsn)
        await other.execute(
            "UPDATE cursor_state SET complete = false; UPDATE stream_partitions SET complete = false,"
            " since_us = 100, cursor_value = 'theirs'"
        )
        await other.close()
        taken = await sink.open()
        await sink.close()
        assert seen[0].checkpoint.cursor is None
        assert taken[0].checkpoint.cursor == "theirs"

    asyncio.run(main())


def _ended(checkpoint: Checkpoint) -> Checkpoint:
    return last(to=checkpoint).checkpoint
