"""SIGKILL at every failpoint and at random moments, on an API that grows: nothing lost, twice, or left to people."""

from collections import Counter

import pytest

from datasync.failpoints import NAMES
from tests.crash.campaign import Campaign
from tests.crash.points import ENTRANCES, FEED, RANDOM, WAYS
from tests.support import Database

pytestmark = pytest.mark.usefixtures("workdir")

ANYWHERE = 10


@pytest.mark.fault(57)
@pytest.mark.parametrize("partitions", [1, FEED])
def test_a_kill_at_any_point_loses_nothing_and_stores_nothing_twice(database: Database, partitions: int) -> None:
    with Campaign(database, partitions, each=1, anywhere=ANYWHERE, seed=57) as campaign:
        outcomes = campaign.run()
    for outcome in outcomes:
        assert (outcome.lost, outcome.twice, outcome.wrong, outcome.manual) == (0, 0, [], 0), outcome
    reached = Counter(outcome.point for outcome in outcomes)
    points = [point for point, way in WAYS.items() if way.partitions in (None, partitions)]
    assert reached == Counter({RANDOM: ANYWHERE, "end": 1, **dict.fromkeys(points, 1)})
    assert max(outcome.partitions for outcome in outcomes) >= partitions
    # The COMMIT takes place, although nobody hears of it.
    moved = {outcome.point: outcome.moved for outcome in outcomes}
    assert (moved["before_commit"], moved["commit_sent"], moved["after_commit"]) == (False, True, True)


def test_the_judge_sees_what_is_lost_counted_twice_or_not_from_the_api(database: Database) -> None:
    with Campaign(database, 1, each=0, anywhere=2, seed=3) as campaign:
        campaign.run()
    looks = campaign.judge.look, campaign.judge.end

    database.execute("UPDATE cursor_state SET events_ingested = events_ingested + 1, served = served + 1")
    for look in looks:
        assert (look(database).lost, look(database).twice) == (0, 1)
    database.execute("UPDATE cursor_state SET events_ingested = events_ingested - 1, served = served - 1")
    for look in looks:
        assert (look(database).lost, look(database).twice, look(database).wrong) == (0, 0, [])
    database.execute("DELETE FROM ingested_events WHERE id = (SELECT min(id) FROM ingested_events)")
    for look in looks:
        assert (look(database).lost, look(database).twice) == (1, 0)
    database.execute("INSERT INTO ingested_events (id, data) VALUES ('mine', '{}')")
    for look in looks:
        assert "never served" in " ".join(look(database).wrong)


def test_every_failpoint_is_killed_at_or_says_why_not() -> None:
    assert set(WAYS) | ENTRANCES == set(NAMES)
    assert not set(WAYS) & ENTRANCES
