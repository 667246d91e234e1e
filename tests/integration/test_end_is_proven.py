""" "ingestion complete" and exit 0 only when everything is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasync import app, loop
from datasync.config import Secret, Settings
from datasync.config.schema import HttpSettings
from datasync.errors import ContractChanged, PageDamaged
from datasync.plugins import Plugins
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.scripted import Answer, ScriptedApi, page
from tests.support import API_KEY, Database, Run, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


def unproven(run: Run) -> bool:
    return run.code == 1 and "ingestion complete" not in run.stderr


@pytest.mark.fault(13)
def test_records_that_came_twice_do_not_make_up_for_missing_ones(simulate: Simulate, database: Database) -> None:
    chaos = "duplicate=0.5,early_end=0.15:1"
    options = SimulatorOptions(count=4000, page_cap=200, api_key=API_KEY, rate_limit="none", chaos=chaos, chaos_seed=21)
    api = simulate(options)
    run = ingest(database.dsn, api.base_url)
    assert any(answer.chaos == "early_end" for answer in api.served())
    assert database.value("SELECT count(*) FROM ingested_events") < 4000
    assert unproven(run), run.stderr
    again = ingest(database.dsn, api.base_url)
    assert again.code == 0, again.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 4000


def same_key(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "id": "00000000-0000-4000-8000-000000000000"}


def ingest_here(database: Database, base_url: str, **more: Any) -> None:
    """The run in this process, where the waits between repetitions can be left out."""
    key = Secret(API_KEY, source="API_KEY")
    http = HttpSettings(retry_for=0.0)
    settings = Settings(Secret(database.dsn, source="DATABASE_URL"), base_url, key, http=http, **more)
    loop.run(app.ingest(settings, Plugins(entry_points=False)))


@pytest.mark.fault(13)
@pytest.mark.parametrize("last", [{}, {"total": 0}, {"total": 20}, {"total": None}])
def test_a_last_page_that_says_less_does_not_make_a_short_feed_whole(database: Database, last: dict[str, Any]) -> None:
    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page([f"a{n}" for n in range(10)], "second", total=100)
        return page([f"b{n}" for n in range(10)], None, **last)

    with ScriptedApi(script) as api:
        assert unproven(ingest(database.dsn, api.base_url))
        # The checkpoint remembers the total, and stays before the page that claimed to be the last.
        assert unproven(ingest(database.dsn, api.base_url))
        assert api.asked == [None, "second", "second"]
    assert database.value("SELECT count(*) FROM ingested_events") == 20


def test_records_left_out_of_a_page_that_is_read_again_do_not_make_up_for_missing_ones(
    database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import datasync\n\n"
        "@datasync.transform('picky')\n"
        "def picky(record):\n"
        "    return None if record['id'].startswith('no') else record\n"
    )

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page([f"a{n}" for n in range(10)], "second", total=25)
        return page([f"b{n}" for n in range(5)] + [f"no{n}" for n in range(5)], None)

    with ScriptedApi(script) as api:
        for _ in range(3):
            run = ingest(database.dsn, api.base_url, "--plugin", "mine.py", "--transform", "picky")
            assert unproven(run), run.stderr
    assert database.value("SELECT dropped FROM cursor_state") == 0, "the page of theirs is to be read again"


@pytest.mark.fault(11)
@pytest.mark.parametrize("length", [1, 2, 5])
def test_cursors_that_go_in_circles_end_the_run(database: Database, length: int) -> None:
    def script(cursor: str | None) -> Answer:
        number = int(cursor or 0)
        return page([f"id-{number}"], str((number + 1) % length), total=1000)

    with ScriptedApi(script) as api:
        with pytest.raises((ContractChanged, PageDamaged)):
            ingest_here(database, api.base_url)
        assert len(api.asked) <= length + 3


@pytest.mark.parametrize("ids", [[], ["a"]])
def test_pages_that_bring_nothing_or_the_same_again_end_the_run(database: Database, ids: list[str]) -> None:
    def script(cursor: str | None) -> Answer:
        return page(["a"], "0", total=1000) if cursor is None else page(ids, str(int(cursor) + 1), total=1000)

    with ScriptedApi(script) as api:
        with pytest.raises((ContractChanged, PageDamaged)):
            ingest_here(database, api.base_url)
        assert len(api.asked) <= 6


@pytest.mark.parametrize("cursor", ["x" * 100_000, "nul\0", "line\nbreak"])
def test_a_cursor_that_no_request_can_carry_is_a_damaged_page(database: Database, cursor: str) -> None:
    def script(asked: str | None) -> Answer:
        return page(["a"], "second") if asked is None else page(["b"], cursor)

    with ScriptedApi(script) as api, pytest.raises(PageDamaged, match="cursor"):
        ingest_here(database, api.base_url)
    assert database.value("SELECT count(*) FROM ingested_events") == 1


@pytest.mark.fault(67)
def test_rows_that_are_gone_are_missed_and_a_restart_brings_them_back(simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=500, page_cap=100, api_key=API_KEY, rate_limit="none"))
    assert ingest(database.dsn, api.base_url).code == 0
    database.execute("DELETE FROM ingested_events WHERE id IN (SELECT id FROM ingested_events LIMIT 3)")
    run = ingest(database.dsn, api.base_url)
    assert unproven(run)
    assert run.error["code"] == "rows_missing"
    assert "3 of its records" in run.error["event"]
    assert "--restart" in run.error["hint"]
    again = ingest(database.dsn, api.base_url, "--restart")
    assert again.code == 0, again.stderr
    assert again.line("ingestion complete")["rows"] == 3
    database.execute("DROP TABLE ingested_events")
    assert unproven(ingest(database.dsn, api.base_url))


@pytest.mark.fault(67)
def test_the_checkpoint_of_another_api_is_not_continued(simulate: Simulate, database: Database) -> None:
    options = SimulatorOptions(count=500, page_cap=100, api_key=API_KEY, rate_limit="none")
    assert ingest(database.dsn, simulate(options).base_url).code == 0
    other = simulate(SimulatorOptions(count=700, seed=2, page_cap=100, api_key=API_KEY, rate_limit="none"))
    run = ingest(database.dsn, other.base_url)
    assert run.code == 2
    assert run.error["code"] == "config"
    assert not other.served()
    again = ingest(database.dsn, other.base_url, "--restart")
    assert again.code == 0, again.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 1200


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "error", ["SystemExit(0)", "asyncio.CancelledError()", "KeyboardInterrupt()", "GeneratorExit()", "StopIteration()"]
)
def test_nothing_a_transform_raises_ends_the_run_or_passes_for_its_end(
    simulate: Simulate, database: Database, workdir: Path, error: str
) -> None:
    (workdir / "mine.py").write_text(
        "import asyncio, datasync\n\n"
        "@datasync.transform('bad')\n"
        "def bad(record):\n"
        "    if record['type'] == 'click':\n"
        f"        raise {error}\n"
        "    return record\n"
    )
    api = simulate(SimulatorOptions(count=300, page_cap=100, api_key=API_KEY, rate_limit="none"))
    run = ingest(database.dsn, api.base_url, "--plugin", "mine.py", "--transform", "bad", "--max-rejects", "1")
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert done["rows"] + done["quarantined"] == 300
    assert done["quarantined"] > 0


@pytest.mark.fault(62)
def test_a_plugin_file_that_exits_is_an_error(simulate: Simulate, database: Database, workdir: Path) -> None:
    (workdir / "mine.py").write_text("import sys\nsys.exit(0)\n")
    api = simulate(SimulatorOptions(count=300, api_key=API_KEY, rate_limit="none"))
    run = ingest(database.dsn, api.base_url, "--plugin", "mine.py")
    assert run.code == 2
    assert "mine.py" in run.error["event"]


@pytest.mark.fault(62)
def test_a_lifecycle_hook_that_fails_is_reported_and_costs_no_row(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import datasync\n\n@datasync.hookimpl\ndef batch_committed(batch):\n    raise ValueError('mine')\n"
    )
    api = simulate(SimulatorOptions(count=300, api_key=API_KEY, rate_limit="none"))
    run = ingest(database.dsn, api.base_url, "--plugin", "mine.py")
    assert run.code == 0, run.stderr
    assert run.error["event"] == "a plugin failed"
    assert run.line("ingestion complete")["rows"] == 300


def test_what_appears_while_a_run_reads_is_not_missed_at_its_end(database: Database) -> None:
    # The list goes back in time: nothing newer than its beginning comes by, but `total` counts it.
    def script(cursor: str | None) -> Answer:
        number = int(cursor or 0)
        return page([f"id-{number}"], str(number + 1) if number < 4 else None, total=5 + 3 * number)

    with ScriptedApi(script) as api:
        run = ingest(database.dsn, api.base_url)
        assert run.code == 0, run.stderr
        assert run.line("ingestion complete")["total"] == 5
        assert ingest(database.dsn, api.base_url).code == 0


def test_records_that_a_transform_made_one_are_missing_and_the_transform_is_named(database: Database) -> None:
    name = f"{__name__}:{same_key.__name__}"
    with ScriptedApi(lambda _: page([f"a{n}" for n in range(10)], None, total=10)) as api:
        with pytest.raises(ContractChanged, match="9 records are missing") as caught:
            ingest_here(database, api.base_url, transforms=(name,))
        assert f"`{name}`" in (caught.value.hint or "")
