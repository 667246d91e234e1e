"""`datasync quarantine replay` of records whose page the core didn't read as it came: CSV, lines, and JSONPath."""

import json
from pathlib import Path

import pytest

from tests.here import Here
from tests.scripted import Server
from tests.sloppy import answer
from tests.support import Database, command

CONFIG = """
[api]
base_url = "{origin}"

[sink]
kind = "postgres"
url = "${{DATABASE_URL}}"

[[endpoint]]
name = "things"
path = "/things"
{reads}

[endpoint.table]
columns = ["id key", "n bigint"]
"""

MEND = """
import datasync
@datasync.transform("mend")
def mend(record):
    return {**record, "n": 7 if record.get("n") == "x" else record.get("n")}
"""

CSV = 'records = ""\nformat = "csv"', b"id,n\na,5\nb,x\nc\nd\0,1\n"
PATH = 'records = "$.data[?@.id]"', rb'{"data":[{"id":"a","n":5},{"id":"b","n":"x"},{"id":"\ud800"},{"id":"\u0000"}]}'
LINES = 'records = ""\nformat = "ndjson"', b'{"id":"a","n":5}\n{"id":"b","n":"x"}\n{"id":\n{"id":"\xff"}\n'


@pytest.mark.parametrize(
    ("reads", "body", "left"),
    [
        (*CSV, {"csv_width": 1, "nul_character": 1}),
        (*PATH, {"lone_surrogate": 1, "nul_character": 1}),
        (*LINES, {"syntax": 1, "invalid_utf8": 1}),
    ],
)
def test_what_passes_by_now_is_stored_and_the_rest_keeps_its_reason_whatever_the_page_was(
    reads: str, body: bytes, left: dict[str, int], database: Database, here: Here, workdir: Path
) -> None:
    config = workdir / "datasync.toml"
    (workdir / "mend.py").write_text(MEND)
    with Server(lambda _asked: answer(body)) as api:
        config.write_text(CONFIG.format(origin=api.origin, reads=reads))
        run = command(["ingest", "--config", str(config), "--max-rejects", "1"], {"DATABASE_URL": database.dsn})
        assert run.code == 0, run
    replay = ("quarantine", "replay", "--all", "--json", "--config", str(config))
    as_before = json.loads(here(database, *replay, code=1).stdout)
    assert (as_before["stored"], as_before["changed"]) == (0, 0)
    assert as_before["refused"] == {**left, "type_mismatch": 1}
    mended = json.loads(here(database, *replay, "--plugin", "mend.py", "--transform", "mend", code=1).stdout)
    assert (mended["stored"], mended["refused"]) == (1, left)
    assert [tuple(row) for row in database.fetch("SELECT id, n FROM things ORDER BY id")] == [("a", 5), ("b", 7)]
