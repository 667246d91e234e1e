"""Transforms and plugins, run as users run them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

OPTIONS = SimulatorOptions(count=700, api_key=API_KEY, rate_limit="none", page_cap=200)


def rows(database: Database) -> list[tuple[object, ...]]:
    found = database.fetch('SELECT id, event_type, "timestamp", data::text FROM ingested_events ORDER BY id')
    return [tuple(row) for row in found]


def test_the_record_lane_stores_the_very_rows_of_the_fast_lane(
    simulate: Simulate, database: Database, server_dsn: str
) -> None:
    api = simulate(OPTIONS)
    other = Database.create(server_dsn, f"{database.name}_record")
    try:
        fast = ingest(database.dsn, api.base_url)
        record = ingest(other.dsn, api.base_url, "--transform", "identity")
        assert fast.line("ingestion started")["lane"] == "fast"
        assert record.line("ingestion started")["lane"] == "record"
        assert fast.code == record.code == 0, record.stderr
        assert len(rows(database)) == 700
        assert rows(database) == rows(other)
    finally:
        other.drop()


def test_a_transform_of_three_lines_in_a_file(simulate: Simulate, database: Database, workdir: Path) -> None:
    (workdir / "mine.py").write_text(
        "import datasync\n\n"
        "@datasync.transform('shout')\n"
        "def shout(record):\n"
        "    return {**record, 'name': record['name'].upper()}\n"
    )
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--plugin", "mine.py", "--transform", "shout")
    assert run.code == 0, run.stderr
    names = {row[0] for row in database.fetch("SELECT data->>'name' FROM ingested_events")}
    assert names == {Dataset(1, 700).event(index)["name"].upper() for index in range(700)}


def test_a_function_of_a_module_in_the_working_directory(simulate: Simulate, database: Database, workdir: Path) -> None:
    (workdir / "somewhere.py").write_text("def add(record):\n    return {**record, 'added': 1}\n")
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--transform", "somewhere:add")
    assert run.code == 0, run.stderr
    assert database.value("SELECT count(*) FROM ingested_events WHERE data->>'added' = '1'") == 700


@pytest.mark.fault(62)
def test_dropped_records_are_counted_and_failed_ones_quarantined_raw(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import datasync\n\n"
        "@datasync.transform('picky')\n"
        "def picky(record):\n"
        "    if record['type'] == 'scroll':\n"
        "        return None\n"
        "    if record['type'] == 'error':\n"
        "        raise ValueError('no errors, please')\n"
        "    if record['type'] == 'purchase':\n"
        "        return 'not a record'\n"
        "    return record\n"
    )
    run = ingest(
        database.dsn, simulate(OPTIONS).base_url, "--plugin", "mine.py", "--transform", "picky", "--max-rejects", "1"
    )
    assert run.code == 0, run.stderr
    dataset = Dataset(1, 700)
    types = [dataset.event(index)["type"] for index in range(700)]
    done = run.line("ingestion complete")
    assert done["dropped"] == types.count("scroll") > 0
    assert done["quarantined"] == types.count("error") + types.count("purchase") > 0
    assert done["rows"] == 700 - done["dropped"] - done["quarantined"]
    rejects = database.fetch("SELECT * FROM quarantined_events")
    assert {row["code"] for row in rejects} == {"transform_failed"}
    assert any("picky: ValueError: no errors, please" in row["detail"] for row in rejects)
    by_id = {dataset.event(index)["id"]: index for index in range(700)}
    for row in rejects:
        raw = json.loads(row["raw"])
        assert raw["id"] == dataset.event(by_id[raw["id"]])["id"]


def test_a_transform_can_mend_what_would_be_refused(simulate: Simulate, database: Database, workdir: Path) -> None:
    (workdir / "mine.py").write_text(
        "import datasync\n\n"
        "@datasync.transform('mend')\n"
        "def mend(record):\n"
        "    record.setdefault('id', 'made-' + record['sessionId'] + str(record['timestamp']))\n"
        "    return record\n"
    )
    api = simulate(SimulatorOptions(count=700, api_key=API_KEY, rate_limit="none", chaos="missing_id=0.05"))
    run = ingest(database.dsn, api.base_url, "--plugin", "mine.py", "--transform", "mend")
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["quarantined"]) == (700, 0)
    assert database.value("SELECT count(*) FROM ingested_events WHERE id LIKE 'made-%'") > 0


@pytest.mark.fault(62)
def test_a_broken_plugin_file_is_reported_by_name(simulate: Simulate, database: Database, workdir: Path) -> None:
    (workdir / "broken.py").write_text("import no_such_module\n")
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--plugin", "broken.py")
    assert run.code == 2
    assert run.error["code"] == "plugin"
    assert "broken.py" in run.error["event"]
    assert "no_such_module" in run.error["event"]
