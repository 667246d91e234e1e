"""SIGKILL at any moment, with eight partitions that share windows all the time: nothing lost, nothing twice."""

import random
from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, environment, finish, kill_once_served
from tests.windowed import start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

EVENTS = 60_000
PAGE = 100
KILLS = 16

# One statement, one snapshot: the killed run's server process may still be at its last commit.
SNAPSHOT = """
SELECT array(SELECT id FROM ingested_events) AS ids, events_ingested, duplicates, pages, served,
       array(SELECT to_jsonb(p)::text FROM stream_partitions AS p ORDER BY since_ms NULLS FIRST) AS partitions
FROM cursor_state
"""


class Partition(msgspec.Struct):
    since_ms: int | None
    until_ms: int | None
    position: dict[str, str | int] | None
    pages: int
    served: int
    complete: bool


def check(database: Database, order: list[str], moments: list[int]) -> int:
    """Hold the table against the partitions' checkpoints, and give the number of partitions."""
    if database.value("SELECT to_regclass('stream_partitions') IS NULL"):
        return 0
    found = database.fetch(SNAPSHOT)
    if not found:
        return 0
    row = found[0]
    stored = set(row["ids"])
    assert len(stored) == len(row["ids"]) == row["events_ingested"]
    assert row["events_ingested"] + row["duplicates"] == row["served"]
    partitions = [msgspec.json.decode(text, type=Partition) for text in row["partitions"]]
    assert (row["pages"], row["served"]) == (sum(p.pages for p in partitions), sum(p.served for p in partitions))
    assert partitions[0].since_ms is partitions[-1].until_ms is None
    assert all(older.until_ms == newer.since_ms is not None for older, newer in pairwise(partitions))
    for partition in partitions:
        position = partition.position
        reached = (10**18, "") if position is None else (int(position["ts"]), str(position["id"]))
        since = partition.since_ms or 0
        until = partition.until_ms or 10**18
        for moment, id in zip(moments, order, strict=True):
            if since <= moment < until and (partition.complete or (moment, id) >= reached):
                assert id in stored
    return len(partitions)


def test_sixteen_kills_at_random_moments_leave_no_moment_without_an_owner(
    simulate: Simulate, database: Database
) -> None:
    chance = random.Random(16)
    options = SimulatorOptions(
        count=EVENTS, crowd="middle", api_key=API_KEY, rate_limit="none", page_cap=PAGE, latency=0.02, prerender="none"
    )
    api = simulate(options)
    dataset = Dataset(1, EVENTS, "middle")
    order, moments = dataset.ids(), dataset.timestamps(0, EVENTS)
    most, kills = 0, 0
    while kills < KILLS:
        before = len(api.served())
        process = start(environment(database.dsn, api.base_url), 8)
        # Anywhere from before the first request to well inside the sharing; far from the end even after all kills.
        moment = before + chance.randrange(0, 40)
        kill_once_served(process, api, moment, chance.random() * 0.03)
        kills += 1
        most = max(most, check(database, order, moments))
    assert most >= 8

    # With another number it goes on from the same partitions.
    run = finish(start(environment(database.dsn, api.base_url), 5))
    assert run.code == 0, run.stderr
    given = {
        order[index]
        for answer in api.served()
        if answer.endpoint == "feed" and answer.status == 200 and answer.first is not None
        for index in range(answer.first, answer.first + answer.count)
    }
    ids = [row[0] for row in database.fetch("SELECT id FROM ingested_events")]
    assert len(ids) == len(set(ids)) == EVENTS
    assert set(ids) == given == set(order)
    check(database, order, moments)
    state = database.fetch("SELECT * FROM cursor_state")[0]
    assert (state["events_ingested"], state["complete"]) == (EVENTS, True)
    assert database.value("SELECT bool_and(complete) FROM stream_partitions")
