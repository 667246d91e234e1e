"""`datasync ingest` as users run it: a process of its own, the simulated API, a real PostgreSQL."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from datasync.simulator.chaos import Chaos, parse_chaos
from tests.support import API_KEY, Database, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")


def options(count: int, **more: object) -> SimulatorOptions:
    return SimulatorOptions(count=count, api_key=API_KEY, **({"rate_limit": "none"} | more))  # type: ignore[arg-type]  # by name


def truth(dataset: Dataset, index: int) -> tuple[object, ...]:
    event = dataset.event(index)
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=dataset.timestamp_ms(index))
    return event["id"], event["type"], when


@pytest.mark.parametrize("timestamps", ["mixed", "mixed-seconds", "iso", "ms"])
def test_three_variables_are_enough_for_every_event_once_with_the_right_instant(
    simulate: Simulate, database: Database, timestamps: str
) -> None:
    api = simulate(options(12_345, timestamps=timestamps))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["duplicates"], done["quarantined"]) == (12_345, 0, 0)
    assert done["seconds"] > 0
    assert done["events_per_second"] > 0
    assert run.stdout == ""

    dataset = Dataset(1, 12_345)
    rows = database.fetch('SELECT id, event_type, "timestamp", data FROM ingested_events')
    stored = {row["id"]: row for row in rows}
    assert len(stored) == 12_345
    for index in range(12_345):
        expected = truth(dataset, index)
        row = stored[expected[0]]
        assert tuple(row)[:3] == expected
        event = dataset.event(index)
        data = json.loads(row["data"])
        assert {**data, "timestamp": None} == {**event, "timestamp": None}
    state = database.fetch("SELECT * FROM cursor_state")[0]
    assert (state["events_ingested"], state["complete"]) == (12_345, True)
    assert database.value("SELECT count(*) FROM staging_events") == 0


def test_staging_is_unlogged_and_the_tables_have_the_seeds_columns(simulate: Simulate, database: Database) -> None:
    assert ingest(database.dsn, simulate(options(10)).base_url).code == 0
    assert database.value("SELECT relpersistence::text FROM pg_class WHERE relname = 'staging_events'") == "u"
    columns = database.fetch(
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns"
        " WHERE table_name IN ('ingested_events', 'cursor_state')"
    )
    assert {
        ("ingested_events", "id", "text"),
        ("ingested_events", "event_type", "text"),
        ("ingested_events", "timestamp", "timestamp with time zone"),
        ("ingested_events", "data", "jsonb"),
        ("ingested_events", "ingested_at", "timestamp with time zone"),
        ("cursor_state", "id", "integer"),
        ("cursor_state", "cursor_value", "text"),
        ("cursor_state", "events_ingested", "bigint"),
        ("cursor_state", "updated_at", "timestamp with time zone"),
    } <= {tuple(row) for row in columns}


def test_a_finished_stream_is_not_asked_for_again_and_says_so(simulate: Simulate, database: Database) -> None:
    api = simulate(options(6000))
    assert ingest(database.dsn, api.base_url).code == 0
    asked = len(api.served())
    again = ingest(database.dsn, api.base_url)
    assert again.code == 0
    assert again.line("ingestion complete")["rows"] == 0
    assert "--restart" in again.stderr
    assert len(api.served()) == asked


def test_restart_reads_everything_again_and_stores_nothing_twice(simulate: Simulate, database: Database) -> None:
    api = simulate(options(6000))
    assert ingest(database.dsn, api.base_url).code == 0
    again = ingest(database.dsn, api.base_url, "--restart")
    assert again.code == 0, again.stderr
    done = again.line("ingestion complete")
    assert (done["rows"], done["duplicates"]) == (0, 6000)
    assert database.value("SELECT count(*) FROM ingested_events") == 6000


def test_an_empty_feed_is_complete_with_no_rows(simulate: Simulate, database: Database) -> None:
    run = ingest(database.dsn, simulate(options(0)).base_url)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 0


def test_a_rate_limit_is_kept_without_a_single_refusal(simulate: Simulate, database: Database) -> None:
    api = simulate(options(1200, page_cap=100, rate_limit="5/1"))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["refused"]) == (1200, 0)
    assert done["seconds_throttled"] > 0


@pytest.mark.fault(1)
def test_refusals_by_surprise_are_waited_out(simulate: Simulate, database: Database) -> None:
    api = simulate(options(1000, page_cap=100, chaos="429=0.3:3"))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert done["rows"] == 1000
    assert done["refused"] == sum(answer.status == 429 for answer in api.served()) > 0


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("500", marks=pytest.mark.fault(2)),
        pytest.param("502", marks=pytest.mark.fault(2)),
        pytest.param("html_502", marks=pytest.mark.fault(2)),
        pytest.param("reset", marks=pytest.mark.fault(33, 34)),
        pytest.param("truncate", marks=pytest.mark.fault(6)),
        pytest.param("cut_json", marks=pytest.mark.fault(5)),
        pytest.param("empty_body", marks=pytest.mark.fault(3)),
        pytest.param("null_body", marks=pytest.mark.fault(4)),
        "missing_pagination",
        pytest.param("repeat_page", marks=pytest.mark.fault(10, 30)),
        "missing_has_more",
        "empty_page",
        pytest.param("stale_quota", marks=pytest.mark.fault(29)),
    ],
)
def test_a_damaged_answer_loses_nothing(simulate: Simulate, database: Database, damage: str) -> None:
    api = simulate(options(3000, page_cap=300, chaos=f"{damage}=0.5:2"))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 3000
    assert any(damage in (answer.chaos or "") for answer in api.served()), "the damage was done"


@pytest.mark.fault(13)
def test_an_early_end_is_not_called_complete_and_the_next_run_goes_on(simulate: Simulate, database: Database) -> None:
    api = simulate(options(3000, page_cap=300, chaos="early_end=0.3:1"))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 1
    assert run.error["code"] == "contract_changed"
    assert "ingestion complete" not in run.stderr
    assert database.value("SELECT count(*) FROM ingested_events") < 3000
    again = ingest(database.dsn, api.base_url)
    assert again.code == 0, again.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 3000


@pytest.mark.fault(20, 22, 23)
def test_a_bad_record_goes_to_quarantine_raw_and_the_rest_is_stored(simulate: Simulate, database: Database) -> None:
    kinds = ("missing_id", "bad_timestamp", "nul", "surrogate", "missing_timestamp", "duplicate")
    api = simulate(options(4000, page_cap=500, chaos=",".join(f"{kind}=0.01" for kind in kinds)))
    run = ingest(database.dsn, api.base_url, "--max-rejects", "0.1")
    assert run.code == 0, run.stderr
    chaos = Chaos(parse_chaos(api.options.chaos), 1, 4000)
    damaged = {index: kind for index in range(4000) if (kind := chaos.record_damage(index))}
    assert set(damaged.values()) == set(kinds)
    refused = {index for index, kind in damaged.items() if kind not in ("missing_timestamp", "duplicate")}

    dataset = Dataset(1, 4000)
    stored = {row[0] for row in database.fetch("SELECT id FROM ingested_events")}
    assert stored == {dataset.event(index)["id"] for index in range(4000) if index not in refused}
    without = {dataset.event(index)["id"] for index, kind in damaged.items() if kind == "missing_timestamp"}
    assert without == {row[0] for row in database.fetch('SELECT id FROM ingested_events WHERE "timestamp" IS NULL')}

    done = run.line("ingestion complete")
    assert done["quarantined"] == len(refused)
    assert done["duplicates"] == sum(kind == "duplicate" for kind in damaged.values())
    assert run.line("some records were quarantined")["quarantined"] == len(refused)
    rejects = database.fetch("SELECT * FROM quarantined_events")
    by_code = {
        "required_missing": "missing_id",
        "nul_character": "nul",
        "lone_surrogate": "surrogate",
        "timestamp_invalid": "bad_timestamp",
    }
    for code, kind in by_code.items():
        found = [row for row in rejects if row["code"] == code]
        if kind != "bad_timestamp":  # its texts are invalid in several ways
            assert len(found) == sum(value == kind for value in damaged.values()), code
        assert found
    # Cursor, index and offset lead back to the record: its bytes stand in that page, at that place.
    pages = {}
    for row in rejects:
        cursor = row["page_cursor"]
        if cursor not in pages:
            params = {"limit": "5000"} | ({} if cursor is None else {"cursor": cursor})
            pages[cursor] = httpx.get(f"{api.base_url}/events", params=params, headers={"X-API-Key": API_KEY}).content
        page, offset, raw = pages[cursor], row["byte_offset"], row["raw"]
        assert page[offset : offset + len(raw)] == raw
        assert page[:offset].count(b'"sessionId":') == row["record_index"]


@pytest.mark.fault(14)
def test_an_expired_cursor_goes_on_from_the_same_place(simulate: Simulate, database: Database) -> None:
    # Each cursor has expired by the time the answer with it arrives.
    api = simulate(options(1500, page_cap=300, cursor_ttl=0.01, latency=0.05))
    run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    done = run.line("ingestion complete")
    assert (done["rows"], done["duplicates"], done["reseeks"]) == (1500, 0, 4)


def test_log_lines_are_json_with_a_time_and_a_level(simulate: Simulate, database: Database) -> None:
    run = ingest(database.dsn, simulate(options(10)).base_url)
    assert run.lines
    for line in run.lines:
        assert {"event", "level", "timestamp"} <= line.keys()


def test_settings_come_from_a_dotenv_file_too(simulate: Simulate, database: Database, workdir: Path) -> None:
    api = simulate(options(10))
    (workdir / ".env").write_text(f"DATABASE_URL='{database.dsn}'\nAPI_BASE_URL={api.base_url}\nAPI_KEY={API_KEY}\n")
    run = ingest("", "", key="")
    assert run.code == 0, run.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 10
