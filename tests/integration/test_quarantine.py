"""`datasync quarantine list|show|export` as users run them, with nothing but DATABASE_URL."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.quarantine import at_desk, desk, event, fill
from tests.support import Database

pytestmark = pytest.mark.usefixtures("workdir")

HOSTILE = b'{"name": "\x1b[2J\x9b31m' + "\u202egnp.exe\u009b\r".encode() + b'"}'
CLEAR = b'{"name": "Jos\xc3\xa9\n\ttwo \x1b[2J\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\x7f\r"}'


@pytest.fixture
def filled(database: Database) -> Database:
    fill(database, [("nul_character", event("a")), ("syntax", HOSTILE), ("syntax", CLEAR)])
    fill(database, [("required_missing", b"{}")], stream="other.stream")
    return database


def objects(output: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_list_gives_the_latest_first_and_keys_that_stay(filled: Database) -> None:
    rows = objects(at_desk(filled, "list", "--json"))
    assert [row["id"] for row in rows] == [4, 3, 2, 1]
    assert list(rows[3]) == [
        "id",
        "stream",
        "code",
        "detail",
        "page_cursor",
        "record_index",
        "byte_offset",
        "bytes",
        "sha256",
        "quarantined_at",
    ]
    assert rows[3]["sha256"] == hashlib.sha256(event("a")).hexdigest()
    assert (rows[3]["bytes"], rows[3]["code"], rows[3]["detail"]) == (len(event("a")), "nul_character", "why 0")
    table = at_desk(filled, "list").decode().splitlines()
    assert table[0].split() == ["ID", "TIME", "STREAM", "CODE", "BYTES", "DETAIL"]
    assert [line.split()[0] for line in table[1:]] == ["4", "3", "2", "1"]


def test_list_gives_only_what_is_asked_for(filled: Database, workdir: Path) -> None:
    filled.execute("UPDATE quarantined_events SET quarantined_at = now() - interval '2 hours' WHERE id <= 2")

    def ids(*arguments: str, env: Mapping[str, str] = {}) -> list[object]:
        return [row["id"] for row in objects(at_desk(filled, "list", "--json", *arguments, env=env))]

    assert ids("--stream", "other.stream") == [4]
    assert ids("--code", "syntax", "--limit", "1") == [3]
    assert ids("--since", "15m", "--code", "syntax") == [3]
    assert ids("--since", "2026-01-01T00:00:00+01:00") == [4, 3, 2, 1]
    assert ids(env={"DATASYNC_QUARANTINE_CODE": "nul_character"}) == [1]
    (workdir / ".env").write_text("DATASYNC_QUARANTINE_CODE=syntax\nDATASYNC_QUARANTINE_LIMIT=1\n")
    assert ids() == [3]
    assert ids("--limit", "9") == [3, 2]
    for since in ("yesterday", "2026-01-01", "15"):
        assert since in desk(filled.dsn, "list", "--since", since, code=2)[1].stderr


def test_the_summary_counts_by_stream_and_code(filled: Database) -> None:
    rows = objects(at_desk(filled, "list", "--summary", "--json"))
    assert [(row["stream"], row["code"], row["records"]) for row in rows] == [
        ("datasync.events", "syntax", 2),
        ("datasync.events", "nul_character", 1),
        ("other.stream", "required_missing", 1),
    ]
    assert rows[0].keys() == {"stream", "code", "records", "first", "last"}
    assert b"nul_character" in at_desk(
        filled, "list", "--summary", env={"DATASYNC_QUARANTINE_STREAM": "datasync.events"}
    )


def test_show_gives_the_exact_bytes_and_nothing_else_when_asked(filled: Database) -> None:
    assert at_desk(filled, "show", "2", "--raw") == HOSTILE
    assert at_desk(filled, "show", "3", "--raw") == CLEAR


def test_nothing_in_a_record_or_its_reason_reaches_a_terminals_controls(filled: Database) -> None:
    filled.execute("UPDATE quarantined_events SET detail = E'a \\x1b]0;title\\x07 \\u009b \\u202e'")
    for arguments in (("show", "2"), ("show", "3"), ("list",), ("list", "--json"), ("export",)):
        text = at_desk(filled, *arguments).decode()
        # é is no control, and a line break and a tab inside of a record that is shown are none either.
        assert all(char.isprintable() or char in "\n\t" for char in text), arguments
    shown = at_desk(filled, "show", "3").decode()
    assert '{"name": "José\n\ttwo \\x1b[2J\\x9b\\u202e\\U000e0001\\x7f\\r"}' in shown
    dump = at_desk(filled, "show", "2").decode()
    assert '00000000  7b 22 6e 61 6d 65 22 3a 20 22 1b 5b 32 4a 9b 33  {"name": ".[2J.3' in dump


def test_an_export_holds_every_byte_and_is_there_whole_or_not_at_all(filled: Database, workdir: Path) -> None:
    rows = objects(at_desk(filled, "export"))
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    assert [base64.b64decode(str(row["raw"])) for row in rows] == [event("a"), HOSTILE, CLEAR, b"{}"]
    assert [row["text"] for row in rows] == [event("a").decode(), None, CLEAR.decode(), "{}"]
    file = workdir / "out.jsonl"
    assert at_desk(filled, "export", "--output", str(file)) == b""
    assert objects(file.read_bytes()) == rows
    assert [path.name for path in workdir.iterdir()] == ["out.jsonl"]
    raw = at_desk(filled, "export", "--format", "raw", "--stream", "other.stream")
    assert raw == b"{}\n"
    refused = desk(filled.dsn, "export", "--format", "raw", "--output", str(workdir / "raw"), code=2)[1]
    assert "record 3 has a line break" in refused.error["event"]
    nowhere = desk(filled.dsn, "export", "--output", str(workdir / "no" / "such"), code=2)[1]
    assert "can't write" in nowhere.error["event"]
    assert [path.name for path in workdir.iterdir()] == ["out.jsonl"]


def test_an_export_holds_few_records_in_memory_however_many_there_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from datasync.config import Secret
    from datasync.sinks.postgres import quarantined

    fill(database, [("syntax", b"%d" % n * 100) for n in range(100, 900)])
    monkeypatch.setattr(quarantined, "PIECE_RECORDS", 50)
    monkeypatch.setattr(quarantined, "PIECE_BYTES", 3000)

    async def main() -> list[list[int]]:
        async with quarantined.connected(Secret(database.dsn, source="test")) as connection:
            chosen = quarantined.Chosen(code="syntax")
            return [[row["id"] for row in rows] async for rows in quarantined.pieces(connection, chosen)]

    pieces = asyncio.run(main())
    assert [len(piece) for piece in pieces] == [10] * 80
    assert [id for piece in pieces for id in piece] == list(range(1, 801))


def test_a_database_without_quarantine_is_no_error_and_a_record_that_is_not_there_is(database: Database) -> None:
    assert at_desk(database, "list", "--json") == b""
    assert at_desk(database, "export") == b""
    missing = desk(database.dsn, "show", "7", code=2)[1]
    assert missing.error["code"] == "not_quarantined"
    assert database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


def test_without_a_database_the_commands_say_so() -> None:
    run = desk("", "list", code=2)[1]
    assert run.error["event"] == "not set: DATABASE_URL"
    run = desk("postgresql://nobody@127.0.0.1:9/none", "list", code=2)[1]
    assert run.error["code"] == "sink_unavailable"


def test_a_reader_that_has_had_enough_ends_an_export_without_a_word(filled: Database) -> None:
    import os
    import subprocess
    import sys

    command = Path(sys.executable).with_name("datasync")
    filled.execute(
        "INSERT INTO quarantined_events (stream, record_index, byte_offset, code, detail, raw)"
        " SELECT 's', n, 0, 'syntax', '', convert_to(repeat(n::text, 1000), 'UTF8') FROM generate_series(1, 2000) n"
    )
    done = subprocess.run(
        ["bash", "-c", f"'{command}' quarantine export | head -n 1"],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": filled.dsn},
        capture_output=True,
        check=False,
    )
    assert json.loads(done.stdout)["id"] == 1
    assert done.stderr == b""
