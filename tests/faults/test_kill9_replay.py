"""SIGKILL at any moment of a replay: each record is in quarantine or in the table, never in both or in neither."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.quarantine import API, counts, desk, event, fill
from tests.support import Database

pytestmark = pytest.mark.usefixtures("workdir")

RECORDS = 4000
KILLS = 8


def ids(database: Database) -> list[str]:
    """Of all records, wherever they are; one snapshot."""
    query = (
        "SELECT array(SELECT id FROM ingested_events UNION ALL"
        " SELECT convert_from(raw, 'UTF8')::jsonb->>'id' FROM quarantined_events)"
    )
    found: list[str] = database.value(query)
    return found


def test_a_replay_that_is_killed_over_and_over_loses_and_doubles_nothing(database: Database, workdir: Path) -> None:
    (workdir / "mine.py").write_text(
        "import datasync, time\n\n"
        "@datasync.transform('slow')\n"
        "def slow(record):\n"
        "    time.sleep(0.0001)\n"
        "    return record\n"
    )
    expected = [f"id-{n}" for n in range(RECORDS)]
    fill(database, [("old_reason", event(id)) for id in expected])
    command = [str(Path(sys.executable).with_name("datasync")), "quarantine", "replay", "--all"]
    command += ["--plugin", "mine.py", "--transform", "slow"]
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    chance = random.Random(7)
    moved = killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command,
            env=keep | {"DATABASE_URL": database.dsn} | API,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # Once it moves records again, a moment of chance later; the next transaction is anywhere then.
        deadline = time.monotonic() + 60
        while counts(database)["rows"] == moved and process.poll() is None:
            assert time.monotonic() < deadline
        time.sleep(chance.random() * 0.05)
        process.kill()
        killed += process.wait() == -9
        row = counts(database)
        assert sorted(ids(database)) == sorted(expected)
        assert (row["rows"], row["waiting"]) == (row["events_ingested"], row["quarantined"])
        moved = row["rows"]
        if moved == RECORDS:
            break
    assert killed >= 3
    desk(database.dsn, "replay", "--all", env=API)
    row = counts(database)
    assert (row["rows"], row["waiting"], row["events_ingested"], row["quarantined"]) == (RECORDS, 0, RECORDS, 0)
    assert sorted(ids(database)) == sorted(expected)
