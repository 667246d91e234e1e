"""SIGKILL at any moment loses nothing and stores nothing twice."""

import random
from collections.abc import Callable

import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, environment, ingest, kill_once_served, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

EVENTS = 100_000
PAGE = 200
KILLS = 20


def stored(database: Database) -> tuple[list[str], int]:
    """The ids in the table, and the records that the checkpoint counts."""
    if database.value("SELECT to_regclass('ingested_events') IS NULL"):
        return [], 0
    query = "SELECT array(SELECT id FROM ingested_events), coalesce((SELECT max(served) FROM cursor_state), 0)"
    ids, served = database.fetch(query)[0]
    return ids, served


def test_twenty_kills_at_random_moments_and_every_served_event_is_stored_once(
    simulate: Simulate, database: Database
) -> None:
    chance = random.Random(20)
    api = simulate(SimulatorOptions(count=EVENTS, api_key=API_KEY, rate_limit="none", page_cap=PAGE, latency=0.002))
    dataset = Dataset(1, EVENTS)
    order = dataset.ids()
    kills = 0
    while kills < KILLS:
        before = len(api.served())
        process = start(["ingest"], environment(database.dsn, api.base_url))
        # Anywhere from before the first request to well inside the writing; far from the end even after all kills.
        moment = before + chance.randrange(0, 10)
        kill_once_served(process, api, moment, chance.random() * 0.03)
        kills += 1
        # Whatever the moment: the table holds exactly the events up to a page border, and the checkpoint says which.
        # One statement, one snapshot: the killed run's server process may still be at its last commit.
        ids, served = stored(database)
        assert len(ids) % PAGE == 0
        assert set(ids) == set(order[: len(ids)])
        assert served == len(ids)

    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    given = {
        order[index]
        for answer in api.served()
        if answer.endpoint == "events" and answer.status == 200 and answer.first is not None
        for index in range(answer.first, answer.first + answer.count)
    }
    ids, _ = stored(database)
    assert len(ids) == len(set(ids)) == EVENTS
    assert set(ids) == given
    state = database.fetch("SELECT * FROM cursor_state")[0]
    assert (state["events_ingested"], state["served"], state["complete"]) == (EVENTS, EVENTS, True)
