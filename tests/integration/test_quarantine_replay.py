"""`datasync quarantine replay`: what passes now is stored once, and the counters go on explaining everything."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.quarantine import API, STREAM, at_desk, counts, desk, event, fill
from tests.support import API_KEY, Database, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

MEND = """
import datasync

@datasync.transform('mend')
def mend(record):
    if record.get('type') == 'away':
        return None
    if record.get('type') == 'fail':
        raise ValueError('no\\0way')
    record.setdefault('id', 'made-' + str(record['n']))
    return record
"""


def replayed(database: Database, *arguments: str, code: int = 0) -> dict[str, object]:
    """What a replay of one stream says that it did."""
    output, run = desk(database.dsn, "replay", "--json", *arguments, code=code, env=API)
    assert len(output.splitlines()) == 1, run
    done: dict[str, object] = json.loads(output)
    return done


def test_what_passes_now_is_stored_as_it_came_and_the_rest_stays_with_its_reason_of_now(database: Database) -> None:
    odd = b'{"id":"odd", "type": "click", "timestamp": 1705314600000, "n": 1.10, "n2": 1e2}'
    fill(
        database,
        [
            ("old_reason", event("a")),
            ("old_reason", odd),
            ("old_reason", event("b", '"never"')),
            ("required_missing", b"{}"),
            ("syntax", b"{not json"),
            ("old_reason", event("a").replace(b"click", b"again")),
        ],
    )
    done = replayed(database, "--all", code=1)
    refused = {"timestamp_invalid": 1, "required_missing": 1, "syntax": 1}
    assert done == {
        "stream": STREAM,
        "dry_run": False,
        "chosen": 6,
        "stored": 2,
        "duplicates": 1,
        "dropped": 0,
        "merged": 0,
        "refused": refused,
        "changed": 1,
    }
    row = counts(database)
    assert (row["rows"], row["waiting"], row["events_ingested"], row["duplicates"]) == (2, 3, 2, 1)
    data, when = database.fetch(
        "SELECT data::text, extract(epoch FROM timestamp) FROM ingested_events WHERE id = 'odd'"
    )[0]
    assert '"n": 1.10' in data
    assert when == 1705314600
    assert database.value("SELECT data->>'type' FROM ingested_events WHERE id = 'a'") == "click", "the first one stays"
    codes = database.fetch("SELECT code, detail FROM quarantined_events ORDER BY id")
    assert [row[0] for row in codes] == ["timestamp_invalid", "required_missing", "syntax"]
    assert codes[0][1] != "why 2"
    assert replayed(database, "--all", code=1)["stored"] == 0
    assert counts(database)["served"] == 6


def test_a_dry_run_says_the_same_and_changes_nothing(database: Database) -> None:
    fill(database, [("x", event("a")), ("x", event("b", '"never"')), ("y", event("c"))])
    before = database.fetch("SELECT * FROM quarantined_events ORDER BY id"), counts(database)
    said = replayed(database, "--all", "--dry-run", code=1)
    assert (database.fetch("SELECT * FROM quarantined_events ORDER BY id"), counts(database)) == before
    done = replayed(database, "--all", code=1)
    assert {**said, "dry_run": False} == done
    assert done["stored"] == 2
    text = desk(database.dsn, "replay", "--all", code=1, env=API)[1].stdout
    assert text == (
        "datasync.events: 1 chosen, 0 stored, 0 seen before, 0 left out, 0 merged,"
        " 1 still refused (timestamp_invalid 1; 0 for another reason than before)\n"
    )


def test_transforms_mend_leave_out_and_fail_as_in_a_run(database: Database, workdir: Path) -> None:
    (workdir / "mine.py").write_text(MEND)
    fill(
        database,
        [
            ("required_missing", b'{"n": 1}'),
            ("required_missing", b'{"n": 2, "type": "away"}'),
            ("required_missing", b'{"n": 3, "type": "fail"}'),
        ],
    )
    done = replayed(database, "--code", "required_missing", "--plugin", "mine.py", "--transform", "mend", code=1)
    assert (done["stored"], done["dropped"], done["refused"]) == (1, 1, {"transform_failed": 1})
    row = counts(database)
    assert (row["events_ingested"], row["dropped"], row["quarantined"]) == (1, 1, 1)
    assert database.value("SELECT id FROM ingested_events") == "made-1"
    assert database.value("SELECT detail FROM quarantined_events") == "mend: ValueError: no\\0way"


def test_one_record_under_two_reasons_ends_as_one(database: Database) -> None:
    bad = event("b", '"never"')
    fill(database, [("first", bad), ("second", bad), ("first", event("a")), ("second", event("a"))])
    done = replayed(database, "--all", code=1)
    assert (done["stored"], done["duplicates"], done["merged"]) == (1, 1, 1)
    assert done["refused"] == {"timestamp_invalid": 1}
    row = counts(database)
    assert (row["waiting"], row["quarantined"], row["duplicates"]) == (1, 1, 2)


def test_only_the_chosen_are_replayed_and_a_choice_must_be_made(database: Database) -> None:
    fill(database, [("x", event("a")), ("y", event("b")), ("y", event("c"))])
    fill(database, [("x", event("d"))], stream="datasync.feed")
    assert replayed(database, "1")["stored"] == 1
    assert replayed(database, "--stream", "datasync.feed", "--code", "x")["stream"] == "datasync.feed"
    partly = desk(database.dsn, "replay", "2", "77", code=1, env=API)[1]
    assert partly.line("some ids are not in quarantine")["not_found"] == 1
    assert [row[0] for row in database.fetch("SELECT id FROM quarantined_events")] == [3]
    gone = desk(database.dsn, "replay", "1", "2", code=2, env=API)[1]
    assert gone.error["code"] == "not_quarantined"
    for choice in ((), ("3", "--all"), ("--all", "--code", "x")):
        assert "choose records" in desk(database.dsn, "replay", *choice, code=2, env=API)[1].stderr
    assert desk(database.dsn, "replay", "--code", "none", env=API)[1].stdout == ""


def test_a_stream_that_no_endpoint_reads_is_named_and_nothing_is_changed(database: Database) -> None:
    fill(database, [("x", event("a"))], stream="gone.stream")
    run = desk(database.dsn, "replay", "--all", code=2, env=API)[1]
    assert "gone.stream" in run.error["event"]
    assert counts(database, "gone.stream")["quarantined"] == 1
    assert desk(database.dsn, "replay", "--all", code=2)[1].error["event"] == "not set: API_BASE_URL, API_KEY"


def test_a_replay_waits_for_a_run_of_its_stream_and_gives_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    import asyncpg

    from datasync.config import Secret
    from datasync.errors import SinkBusy
    from datasync.pipeline.replay import Replay
    from datasync.sinks.postgres import lock, quarantined
    from tests.events import PLAN

    fill(database, [("x", event("a"))])
    monkeypatch.setattr(lock, "PATIENCE", 0.2)

    async def main() -> None:
        running = await asyncpg.connect(database.dsn)
        await lock.take(running, STREAM, wait=False)
        try:
            with ThreadPoolExecutor(1) as thread:
                replay = Replay(PLAN, None, thread)
                async with quarantined.connected(Secret(database.dsn, source="test")) as connection:
                    with pytest.raises(SinkBusy):
                        await replay.run(connection, STREAM, quarantined.Chosen(), dry=False, settled=lambda _: None)
        finally:
            await running.close()

    asyncio.run(main())
    assert counts(database)["quarantined"] == 1


def test_a_stream_stays_complete_through_a_replay_and_a_restart(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import datasync, json, zlib\n\n"
        "@datasync.transform('mend')\n"
        "def mend(record):\n"
        "    record.setdefault('id', 'made-' + str(zlib.crc32(json.dumps(record, default=str).encode())))\n"
        "    return None if record['type'] == 'click' else record\n"
    )
    chaos = "missing_id=0.02,bad_timestamp=0.01"
    api = simulate(SimulatorOptions(count=1000, api_key=API_KEY, rate_limit="none", chaos=chaos))
    assert ingest(database.dsn, api.base_url, "--max-rejects", "1").code == 0
    first = counts(database)
    assert first["quarantined"] > 20
    mending = ("--plugin", "mine.py", "--transform", "mend")
    done = replayed(database, "--code", "required_missing", *mending)
    assert done["stored"]
    assert done["dropped"]
    row = counts(database)
    assert row["rows"] == first["rows"] + int(str(done["stored"]))
    assert ingest(database.dsn, api.base_url).code == 0, "every record that the API declared is still explained"
    # Counted anew, what is in quarantine counts as seen before: it can be replayed all the same.
    again = ingest(database.dsn, api.base_url, "--restart", "--max-rejects", "1")
    assert again.code == 0, again.stderr
    before = counts(database)
    assert before["duplicates"] > before["quarantined"] > 0
    at_desk(database, "replay", "--all", *mending, code=1, env=API)
    left = counts(database)
    assert left["waiting"] < before["waiting"]
    assert left["quarantined"] >= 0
    assert left["rows"] - before["rows"] == left["events_ingested"] - before["events_ingested"]
    assert ingest(database.dsn, api.base_url).code == 0


def test_records_that_turn_out_to_be_one_leave_a_complete_stream_short_and_that_is_said(database: Database) -> None:
    fill(database, [("x", event("a")), ("x", event("a").replace(b"click", b"again"))])
    database.execute("UPDATE cursor_state SET complete = true, total = 2")
    run = desk(database.dsn, "replay", "--all", env=API)[1]
    assert "1 stored, 1 seen before" in run.stdout
    (line,) = [line for line in run.lines if line["level"] == "warning"]
    assert line["missing"] == 1
    assert "--restart" in line["hint"]


def test_a_deferred_constraint_refuses_its_record_and_no_other(database: Database) -> None:
    fill(database, [("old_reason", event("a")), ("old_reason", event("b"))])
    database.execute(
        "CREATE TABLE known (id TEXT PRIMARY KEY); INSERT INTO known VALUES ('a'); ALTER TABLE ingested_events"
        " ADD FOREIGN KEY (id) REFERENCES known (id) DEFERRABLE INITIALLY DEFERRED"
    )
    promised = replayed(database, "--all", "--dry-run", code=1)
    done = replayed(database, "--all", code=1)
    assert (done["stored"], done["refused"]) == (promised["stored"], promised["refused"]) == (1, {"sql_23503": 1})
    assert database.value("SELECT array_agg(id) FROM ingested_events") == ["a"]


def test_a_record_that_names_a_later_one_is_stored_with_it_whatever_else_is_refused(database: Database) -> None:
    named = {"a": b"b", "b": b"b", "c": b"nobody"}
    fill(database, [("old_reason", event(key).replace(b"click", name)) for key, name in named.items()])
    database.execute("ALTER TABLE ingested_events ADD FOREIGN KEY (event_type) REFERENCES ingested_events (id)")
    done = replayed(database, "--all", code=1)
    assert (done["stored"], done["refused"]) == (2, {"sql_23503": 1})
    assert database.value("SELECT array_agg(id ORDER BY id) FROM ingested_events") == ["a", "b"]
