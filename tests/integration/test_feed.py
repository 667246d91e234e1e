"""`datasync ingest` on the feed: tokens end on the way, and nobody notices."""

from collections import Counter
from collections.abc import Callable

import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, Run, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

ACCESS = '{"X-Dashboard-Access": "demo"}'


def options(count: int, **more: object) -> SimulatorOptions:
    chosen = {"count": count, "api_key": API_KEY, "rate_limit": "none", "prerender": "none", **more}
    return SimulatorOptions(**chosen)  # type: ignore[arg-type]  # by name


def feed(database: Database, api: SimulatorProcess, *arguments: str, headers: str = ACCESS) -> Run:
    """One chain, so that the number of requests is known."""
    one = ("--endpoint", "datasync-feed", "--partitions", "1")
    return ingest(database.dsn, api.base_url, *one, *arguments, DATASYNC_ACCESS_HEADERS=headers)


def statuses(api: SimulatorProcess) -> Counter[tuple[str, int]]:
    return Counter((entry.endpoint, entry.status) for entry in api.served())


def test_the_feed_is_read_to_its_end_over_several_tokens(simulate: Simulate, database: Database) -> None:
    # 5 s and more, with tokens that are renewed after 1.6 s.
    api = simulate(options(2500, page_cap=100, latency=0.2, token_ttl=2.0))
    run = feed(database, api)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["duplicates"], done["quarantined"]) == (2500, 0, 0)
    stored = {(row[0], row[1]) for row in database.fetch('SELECT id, "timestamp" FROM ingested_events')}
    dataset = Dataset(1, 2500)
    assert {(id, int(when.timestamp() * 1000 + 0.5)) for id, when in stored} == {
        (id, dataset.timestamp_ms(index)) for index, id in enumerate(dataset.ids())
    }
    assert database.value("SELECT stream FROM cursor_state") == "datasync.feed"
    served = statuses(api)
    assert served["feed", 200] == 25
    assert served["access", 200] >= 3
    # Renewed before they ended, not because they were refused. (On a machine that stalls one may be.)
    assert served["feed", 403] < served["access", 200] - 1


@pytest.mark.fault(27)
def test_a_token_that_ends_in_the_middle_costs_one_new_one_and_one_repeated_request(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(2500, page_cap=100, drop_tokens_every=10))
    run = feed(database, api)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 2500
    assert statuses(api) == {("access", 200): 3, ("feed", 200): 25, ("feed", 403): 2}


def test_the_variable_chooses_the_feed_too(simulate: Simulate, database: Database) -> None:
    api = simulate(options(10))
    run = ingest(database.dsn, api.base_url, DATASYNC_ENDPOINT="datasync-feed", DATASYNC_ACCESS_HEADERS=ACCESS)
    assert run.code == 0, run.stderr
    assert run.line("ingestion started")["stream"] == "datasync.feed"


def test_list_and_feed_fill_one_table_and_keep_two_checkpoints(simulate: Simulate, database: Database) -> None:
    api = simulate(options(300, page_cap=100))
    assert ingest(database.dsn, api.base_url).code == 0
    run = feed(database, api)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["duplicates"]) == (0, 300)
    assert {row[0] for row in database.fetch("SELECT stream FROM cursor_state")} == {"datasync.events", "datasync.feed"}


@pytest.mark.fault(14)
def test_an_expired_cursor_goes_on_from_the_same_place_on_the_feed_too(simulate: Simulate, database: Database) -> None:
    # Each cursor has expired by the time the answer with it arrives.
    api = simulate(options(1500, page_cap=300, cursor_ttl=0.01, latency=0.05))
    run = feed(database, api)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["duplicates"], done["reseeks"]) == (1500, 0, 4)


def test_missing_headers_end_the_run_before_anything_is_written(simulate: Simulate, database: Database) -> None:
    api = simulate(options(10))
    run = feed(database, api, headers="")
    assert run.code == 2
    assert run.error["code"] == "auth"
    assert "DASHBOARD_REQUIRED" in run.error["event"]
    assert "DATASYNC_ACCESS_HEADERS" in run.error["hint"]
    assert database.fetch("SELECT 1 FROM pg_class WHERE relname = 'ingested_events'") == []


def test_damage_on_the_way_loses_nothing(simulate: Simulate, database: Database) -> None:
    api = simulate(options(2500, page_cap=100, drop_tokens_every=7, chaos="500=0.1:1,truncate=0.1:1,reset=0.1:1"))
    run = feed(database, api)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 2500
