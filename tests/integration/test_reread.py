"""A chain that is read again proves its end as any other, and an outage is not taken for an expired cursor."""

import json
from pathlib import Path

import pytest

from tests import rereading
from tests.scripted import Answer, ScriptedApi, page
from tests.support import Database, ingest

EXPIRED: Answer = (400, {}, json.dumps({"code": "CURSOR_EXPIRED"}).encode())


def ids(letter: str, count: int) -> list[str]:
    return [f"{letter}{n}" for n in range(count)]


def test_what_transforms_left_out_twice_does_not_make_up_for_missing_records(database: Database, workdir: Path) -> None:
    rereading.write(workdir)
    left = [EXPIRED, EXPIRED]

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page(ids("a", 5) + ids("no", 5), "second", total=20)
        return left.pop() if left else page(ids("b", 5), None, total=20)

    with ScriptedApi(script) as api:
        run = ingest(database.dsn, api.base_url, *rereading.ARGUMENTS, "--transform", "picky")
    assert api.asked == [None, "second", None, "second", None, "second"]
    assert run.code == 1, run.stderr
    assert "5 records are missing" in run.error["event"]
    state = database.fetch("SELECT events_ingested, duplicates, dropped, served FROM cursor_state")[0]
    assert tuple(state) == (10, 20, 5, 35)


def test_more_partitions_with_transforms_are_refused_where_chains_are_read_again(
    database: Database, workdir: Path
) -> None:
    (workdir / "windows.py").write_text(
        rereading.PLUGIN.replace("(EventsEndpoint)", "(FeedEndpoint)").replace(
            "datasync_api import EventsEndpoint", "datasync_feed import FeedEndpoint"
        )
    )
    arguments = ("--plugin", "windows.py", "--endpoint", "again", "--transform", "picky", "--partitions", "2")
    run = ingest(database.dsn, "http://127.0.0.1:1/api", *arguments)
    assert run.code == 2
    assert "count twice" in run.error["event"]
    assert "--partitions" in run.error["hint"]


@pytest.mark.parametrize("failures", [2, 3])
def test_a_gateway_error_must_stay_before_a_chain_is_read_again(
    database: Database, workdir: Path, failures: int
) -> None:
    rereading.write(workdir)
    second: list[Answer] = [(404, {}, b"{}")]

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page(ids("a", 3), "second", total=5)
        return second.pop() if second else page(ids("b", 2), None, total=5)

    with ScriptedApi(script) as api:
        assert ingest(database.dsn, api.base_url, *rereading.ARGUMENTS).code == 1
        # Of unknown age, the cursor may be gone, or the API be down.
        second[:] = [(502, {}, b"")] * failures
        api.asked.clear()
        run = ingest(database.dsn, api.base_url, *rereading.ARGUMENTS)
    assert run.code == 0, run.stderr
    again: list[str | None] = [None, "second"] if failures == 3 else ["second"]
    assert api.asked == ["second"] * failures + again
    assert run.line("ingestion complete")["reseeks"] == (failures == 3)
    assert database.value("SELECT count(*) FROM ingested_events") == 5


def test_an_outage_that_outlasts_many_cursors_is_still_an_outage(database: Database, workdir: Path) -> None:
    rereading.write(workdir)
    down = True

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page(ids("a", 3), "second", total=5)
        return (502, {}, b"") if down else page(ids("b", 2), None, total=5)

    with ScriptedApi(script) as api:
        arguments = ("--plugin", "again.py", "--endpoint", "brief", "--retry-for", "1")
        run = ingest(database.dsn, api.base_url, *arguments)
        assert len(api.asked) >= 4
        assert (run.code, run.error["code"]) == (1, "server_error"), run.stderr
        down = False
        assert ingest(database.dsn, api.base_url, *arguments).code == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 5


@pytest.mark.parametrize("arguments", [(), rereading.ARGUMENTS], ids=["built", "read again"])
def test_a_cursor_may_expire_between_the_retries_of_its_page(
    database: Database, workdir: Path, arguments: tuple[str, ...]
) -> None:
    rereading.write(workdir)
    second: list[Answer] = [(200, {}, b'{"data": [{"id"'), EXPIRED, (503, {}, b""), EXPIRED, EXPIRED]

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page(ids("a", 3), "second", total=5)
        return second.pop(0) if second else page(ids("b", 2), None, total=5)

    with ScriptedApi(script) as api:
        run = ingest(database.dsn, api.base_url, *arguments)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    again = api.asked.count(None) - 1
    assert (done["rows"], done["duplicates"], done["reseeks"]) == (5, 3 * again, 3)
    assert again == (3 if arguments else 0), "each time from the beginning, and only then"
