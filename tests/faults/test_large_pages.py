"""Records and pages that are far larger than usual."""

from collections.abc import Callable

import pytest

from datasync.config import Secret
from datasync.errors import ContractChanged
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.faults.here import ingest_here
from tests.scripted import Answer, ScriptedApi, page
from tests.support import API_KEY, Database

SHARE = 6
"""A page may take this part of the memory, on the fast lane."""

pytestmark = pytest.mark.usefixtures("workdir")


def ids(database: Database) -> set[str]:
    return {row[0] for row in database.fetch("SELECT id FROM ingested_events")}


@pytest.mark.fault(24)
def test_a_record_of_fifty_megabytes_is_stored_and_its_neighbours_too(database: Database) -> None:
    records = [b'{"id":"a"}', b'{"id":"large","text":"%b"}' % (b"x" * 50_000_000), b'{"id":"b"}']
    rest = b',"pagination":{"nextCursor":null,"hasMore":false},"meta":{"total":3}}'
    with ScriptedApi(lambda _: (200, {}, b'{"data":[' + b",".join(records) + b"]" + rest)) as api:
        assert ingest_here(database, api.base_url, memory_bytes=512 * 1024 * 1024).rows == 3
    assert database.value("SELECT length(data->>'text') FROM ingested_events WHERE id = 'large'") == 50_000_000


@pytest.mark.fault(24)
@pytest.mark.parametrize("endpoint", ["datasync", "datasync-feed"])
def test_where_a_page_is_too_large_smaller_ones_are_asked_for(
    simulate: Callable[[SimulatorOptions], SimulatorProcess], database: Database, endpoint: str
) -> None:
    api = simulate(SimulatorOptions(count=3000, api_key=API_KEY, rate_limit="none"))
    headers = {"X-Dashboard-Access": Secret("demo", source="test")}
    small = SHARE * 200_000
    stats = ingest_here(database, api.base_url, memory_bytes=small, endpoint=endpoint, access_headers=headers)
    assert len(ids(database)) == stats.rows == 3000
    sizes = [answer.count for answer in api.served() if answer.count]
    assert max(sizes) > 2000, "as large as ever at first"
    assert stats.pages < 30, "and as large as they may be afterwards"
    assert stats.retries == 0, "no failure of the API"


@pytest.mark.fault(24)
def test_a_record_larger_than_a_page_may_be_ends_the_run_after_a_bounded_number_of_requests(database: Database) -> None:
    def script(cursor: str | None) -> Answer:
        return page(["a"], "large", total=2) if cursor is None else page(["b"], None, total=2, filler="x" * 20_000)

    with ScriptedApi(script) as api:
        with pytest.raises(ContractChanged, match="larger than 10,000 bytes"):
            ingest_here(database, api.base_url, memory_bytes=SHARE * 10_000)
        assert api.asked.count("large") <= 14
        assert ids(database) == {"a"}
        ingest_here(database, api.base_url)
    assert len(ids(database)) == 2
