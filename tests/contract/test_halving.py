"""A batch that is halved stores what its rows one by one would, and counts as one that isn't."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from datasync.config.schema import ConflictPolicy, TableSettings, WriteSettings
from datasync.errors import RowsRefused
from datasync.model import Batch, Checkpoint, Column, Committed
from datasync.sinks.postgres.sink import PostgresSink
from tests.support import Database
from tests.tables import commit, more, page, run, settings

COLUMNS = (Column("id", "id", "bigint", required=True, key=True), Column("n", "n", "bigint"))
POLICIES = [
    ConflictPolicy(),
    ConflictPolicy("update"),
    ConflictPolicy("update_if_changed"),
    ConflictPolicy("update_if_newer", "n"),
]
BAD = 3
"""The number that the table refuses."""

Pair = tuple[int, int]

pairs = st.tuples(st.integers(0, 5), st.integers(0, 5))
batches = st.lists(st.lists(pairs, max_size=12), min_size=1, max_size=3)


def stored(database: Database, policy: ConflictPolicy, story: list[list[Pair]]) -> list[Committed]:
    done: list[Committed] = []

    async def use(sink: PostgresSink) -> None:
        for rows in story:
            done.extend(await commit(sink, [more(*rows)]))

    chosen = settings(database, TableSettings("t"), write=WriteSettings(on_conflict=policy), restart=True)
    database.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT CHECK (n <> {BAD}))")
    database.execute("DROP TABLE IF EXISTS quarantined_events, stream_partitions, cursor_state, datasync_schema")
    run(chosen, COLUMNS, use)
    return done


def one_by_one(policy: ConflictPolicy, story: list[list[Pair]]) -> dict[int, int]:
    table: dict[int, int] = {}
    for key, n in (pair for rows in story for pair in rows if pair[1] != BAD):
        if key not in table or {"nothing": False, "update_if_newer": n > table[key]}.get(policy.rule, True):
            table[key] = n
    return table


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.rule)
def test_what_is_left_is_what_rows_one_by_one_would_leave(database: Database, policy: ConflictPolicy) -> None:
    @examples(max_examples=8)
    @given(batches)
    def check(story: list[list[Pair]]) -> None:
        done = stored(database, policy, story)
        assert dict(map(tuple, database.fetch("SELECT id, n FROM t"))) == one_by_one(policy, story)
        for rows, one in zip(story, done, strict=True):
            assert one.rows + one.updated + one.unchanged + one.duplicates + one.quarantined == len(rows)

    check()


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.rule)
def test_a_refused_row_changes_no_count_of_the_others(database: Database, policy: ConflictPolicy) -> None:
    good = pairs.filter(lambda pair: pair[1] != BAD)

    @examples(max_examples=8)
    @given(st.lists(good, max_size=4), st.lists(good, max_size=12), st.sampled_from([-1, 99]))
    def check(before: list[Pair], rows: list[Pair], key: int) -> None:
        _, plain = stored(database, policy, [before, rows])
        _, halved = stored(database, policy, [before, [*rows, (key, BAD)]])
        assert halved.quarantined == 1
        for name in ("rows", "updated", "unchanged", "duplicates"):
            assert getattr(halved, name) == getattr(plain, name), name

    check()


TREE = (COLUMNS[0], Column("parent", "parent", "bigint"))
Named = Sequence[tuple[int, int | None]]


def planted(database: Database, rows: Named, mode: str = "merge") -> set[int]:
    """The rows that are stored of a tree, in which 5 is refused for itself."""
    database.execute("DROP TABLE IF EXISTS tree, tree__next")
    database.execute("CREATE TABLE tree (id BIGINT PRIMARY KEY CHECK (id <> 5), parent BIGINT REFERENCES tree)")
    chosen = settings(database, TableSettings("tree", mode=mode), restart=True)  # type: ignore[arg-type]

    async def use(sink: PostgresSink) -> None:
        (done,) = await commit(sink, [Batch([page(*rows)], Checkpoint("end", complete=True))])
        assert done.rows + done.quarantined + done.duplicates == len(rows)

    run(chosen, TREE, use)
    return {row[0] for row in database.fetch("SELECT id FROM tree")}


def rooted(rows: Named) -> set[int]:
    """Those that name none, or one of these."""
    left = {key: parent for key, parent in rows if key != 5}
    while gone := [key for key, parent in left.items() if parent is not None and parent not in left]:
        for key in gone:
            del left[key]
    return set(left)


@pytest.mark.parametrize("mode", ["merge", "replace", "append"])
def test_rows_that_name_each_other_are_stored_whatever_else_is_refused(database: Database, mode: str) -> None:
    @examples(max_examples=8)
    @given(st.lists(st.integers(0, 15), min_size=8, max_size=12))
    def check(parents: list[int]) -> None:
        rows = [(number, None if parent == number else parent) for number, parent in enumerate(parents)]
        assert planted(database, rows, mode) == rooted(rows)

    check()


@pytest.mark.parametrize(
    "rows",
    [
        [(n, None if n == 150 else 150) for n in range(300)],  # all name one in the middle
        [(n * 7919 % 401, (n - 1) * 7919 % 401 if n else None) for n in range(401)],  # one names the next, anyhow
        [(0, None), *((n, 10_000) for n in range(1, 200))],  # only one can be stored
    ],
    ids=["star", "chain", "few"],
)
def test_a_large_family_is_stored_in_little_time_but_for_who_names_nobody(database: Database, rows: Named) -> None:
    rows = [*rows, (20_000, 30_000)]
    assert planted(database, rows) == rooted(rows)


def test_a_table_that_refuses_a_whole_family_ends_the_run(database: Database) -> None:
    with pytest.raises(RowsRefused, match="refused each"):
        planted(database, [(n, 10_000) for n in range(150)])
    assert database.value("SELECT count(*) FROM quarantined_events WHERE code = 'sql_23503'") == 0


def test_a_value_that_moves_from_one_row_to_another_is_stored_once_it_is_free(database: Database) -> None:
    database.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT UNIQUE); INSERT INTO t VALUES (1, 10), (2, 20)")

    async def use(sink: PostgresSink) -> None:
        (done,) = await commit(sink, [more((1, 20), (2, 30), (3, 30))])
        assert (done.updated, done.quarantined) == (2, 1)

    chosen = settings(database, TableSettings("t"), write=WriteSettings(on_conflict=ConflictPolicy("update")))
    run(chosen, COLUMNS, use)
    assert dict(map(tuple, database.fetch("SELECT id, n FROM t"))) == {1: 20, 2: 30}


def test_valid_rows_that_name_each_other_are_stored_beside_any_refusal(database: Database) -> None:
    database.execute(
        "CREATE TABLE tree (id BIGINT PRIMARY KEY, parent BIGINT REFERENCES tree,"
        " name TEXT UNIQUE CHECK (name <> 'bad'))"
    )
    columns = (*TREE, Column("name", "name", "text"))
    rows = [
        (1, 4, "a"), (2, None, "x"), (3, None, "x"), (4, None, "d"),  # two of the same name
        (5, 6, "e"), (6, 5, "f"),  # a circle
        (7, None, "good"), (7, None, "bad"), (8, 7, "h"), (9, 8, "i"),  # the version before takes the place
    ]  # fmt: skip

    async def use(sink: PostgresSink) -> None:
        (done,) = await commit(sink, [more(*rows)])
        assert (done.rows, done.quarantined, done.duplicates) == (8, 2, 0)

    run(settings(database, TableSettings("tree"), write=WriteSettings(on_conflict=POLICIES[1])), columns, use)
    assert {row[0] for row in database.fetch("SELECT id FROM tree")} == {1, 2, 4, 5, 6, 7, 8, 9}


def test_a_key_that_must_match_in_full_is_held_against_who_names_half(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (id BIGINT PRIMARY KEY, pa BIGINT, pb BIGINT, u BIGINT, UNIQUE (id, u),"
        " FOREIGN KEY (pa, pb) REFERENCES t (id, u) MATCH FULL)"
    )
    columns = (COLUMNS[0], *(Column(name, name, "bigint") for name in ("pa", "pb", "u")))
    rows = [(1, 4, 4, 1), (2, 99, None, 2), (3, None, None, 3), (4, 1, 1, 4)]

    async def use(sink: PostgresSink) -> None:
        await commit(sink, [more(*rows)])

    run(settings(database, TableSettings("t")), columns, use)
    assert {row[0] for row in database.fetch("SELECT id FROM t")} == {1, 3, 4}


def test_a_known_row_is_left_whatever_it_holds_and_whatever_came_before(database: Database) -> None:
    @examples(max_examples=8)
    @given(st.lists(pairs, max_size=8), st.lists(pairs, min_size=1, max_size=12), st.booleans())
    def check(before: list[Pair], rows: list[Pair], again: bool) -> None:
        known = {key: n for key, n in before if n != BAD}
        story = [before, *([list(known.items())] if again else []), rows]
        *_, done = stored(database, POLICIES[0], story)
        good = {key: number for number, (key, n) in reversed(list(enumerate(rows))) if n != BAD}
        tried = [
            number for number, (key, _) in enumerate(rows) if key not in known and number < good.get(key, len(rows))
        ]
        assert done.refused == len(tried)

    check()


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.rule)
def test_each_row_counts_once_though_it_was_tried_again_for_another_one(
    database: Database, policy: ConflictPolicy
) -> None:
    columns = (*COLUMNS, Column("u", "u", "bigint"))
    row = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 3))

    @examples(max_examples=25)
    @given(st.lists(row, max_size=8))
    @example([(1, 1, 5), (1, 2, 7), (2, 2, 9)])  # the newer one of the first key waits for a value of the second
    def check(rows: list[tuple[int, int, int]]) -> None:
        new: list[int] = []
        database.execute(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, u BIGINT UNIQUE);"
            "INSERT INTO t VALUES (2, 1, 7), (3, 1, 2)"
        )
        database.execute("DROP TABLE IF EXISTS quarantined_events, stream_partitions, cursor_state, datasync_schema")

        async def use(sink: PostgresSink) -> None:
            (done,) = await commit(sink, [more(*rows)])
            counts = (done.rows, done.updated, done.unchanged, done.duplicates, done.quarantined)
            assert min(counts) >= 0
            assert sum(counts) == len(rows)
            new.append(done.rows)

        chosen = settings(database, TableSettings("t"), write=WriteSettings(on_conflict=policy))
        run(chosen, columns, use)
        assert database.value("SELECT count(*) FROM t") == 2 + new[0]

    check()
