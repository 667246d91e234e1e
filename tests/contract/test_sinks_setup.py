"""What a sink needs is asked for when it is used, and said in words; and stdout, which holds no state."""

import importlib.util
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from datasync.config.spec import JsonlTo
from datasync.errors import ConfigError, LeaseLost, SinkBusy
from datasync.sinks.base import Sink
from tests.sinks import LOCAL, Kind, batch, page, reject

FIND = importlib.util.find_spec


def test_no_library_of_a_sink_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, datasync, datasync.plugins as p; p.Plugins(entry_points=False);"
        " assert not {'pyarrow', 'duckdb'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("name", "library"), [("parquet", "pyarrow"), ("duckdb", "duckdb")])
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    name: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None if wanted == library else FIND(wanted))
    with pytest.raises(ConfigError, match=library) as raised:
        Kind(name, tmp_path).sink()
    assert raised.value.hint == f"pip install 'datasync[{name}]'"


def test_a_database_that_another_process_has_open_is_busy(tmp_path: Path) -> None:
    kind = Kind("duckdb", tmp_path)

    async def nothing(_sink: Sink) -> None: ...

    kind.use(nothing)
    code = f"import duckdb; db = duckdb.connect({str(tmp_path / 'data.duckdb')!r}); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline()
        with pytest.raises(SinkBusy):
            kind.connected()
        other.kill()
    kind.connected()


@pytest.mark.parametrize("name", LOCAL)
def test_a_run_that_was_taken_over_stores_nothing(name: str, tmp_path: Path) -> None:
    kind = Kind(name, tmp_path)

    async def work(sink: Any) -> None:
        await sink.commit(batch(1, page("a")))
        sink._books = msgspec.structs.replace(sink._books, epoch=0)
        with pytest.raises(LeaseLost):
            await sink.commit(batch(2, page("b", rejects=[reject(b"x")])))

    kind.use(work)
    assert kind.ids() == ["a"]
    assert kind.connected()[0].checkpoint.cursor == "cursor-1"


def test_what_was_cut_short_is_taken_away_before_anything_is_written(tmp_path: Path) -> None:
    kind = Kind("jsonl", tmp_path)

    async def first(sink: Sink) -> None:
        await sink.commit(batch(1, page("a", rejects=[reject(b"x")])))

    async def second(sink: Sink) -> None:
        await sink.commit(batch(2, page("b", rejects=[reject(b"y")])))

    kind.use(first)
    for name in ("ingested_events.jsonl", "ingested_events.quarantine.jsonl"):
        with (tmp_path / name).open("a") as file:
            file.write('{"id": "torn')
    kind.use(second)
    assert kind.ids() == ["a", "b"]
    assert [raw for _, raw in kind.rejects()] == [b"x", b"y"]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up"])
def test_a_table_whose_name_is_no_files_is_refused(name: str, tmp_path: Path) -> None:
    kind = Kind("jsonl", tmp_path)
    table = msgspec.structs.replace(kind.settings.table, name=name)
    from datasync.sinks.jsonl.sink import JsonlSink

    with pytest.raises(ConfigError, match="file's name"):
        JsonlSink(msgspec.structs.replace(kind.settings, table=table), "s", kind.plan)


def test_stdout_gets_each_key_once_a_run_and_holds_no_state(workdir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kind = Kind("jsonl", workdir)
    kind.settings = msgspec.structs.replace(kind.settings, to=JsonlTo(folder="-"))

    async def work(sink: Sink) -> None:
        await sink.commit(batch(1, page("a", "b", rejects=[reject(b"\xff")])))
        done = await sink.commit(batch(2, page("b", "c"), total=4, complete=True))
        assert (done.rows, done.duplicates, done.complete) == (1, 1, True)

    for _ in range(2):
        kind.use(work)
        lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
        assert [json.loads(line)["id"] for line in lines] == ["a", "b", "c"]
    assert [path.name for path in workdir.iterdir()] == ["ingested_events.quarantine.jsonl"]
    assert [raw for _, raw in kind.rejects()] == [b"\xff", b"\xff"]


@pytest.mark.parametrize("name", LOCAL)
def test_the_state_of_an_older_version_is_gone_on_with(name: str, tmp_path: Path) -> None:
    """It doesn't know in which batch a record came to quarantine, nor where the stream was read from its beginning."""
    kind = Kind(name, tmp_path)

    async def ends(sink: Any) -> None:
        await sink.commit(batch(1, page("a", rejects=[reject(b"bad")]), total=2, complete=True))

    kind.use(ends)
    if name == "duckdb":
        with duckdb.connect(tmp_path / "data.duckdb") as db:
            db.execute("ALTER TABLE quarantined_events DROP COLUMN seen")
            db.execute("UPDATE cursor_state SET books = json_merge_patch(books, '{\"first_batch\": 0}')")
    else:
        with closing(sqlite3.connect(tmp_path / "ingested_events.datasync" / "state.sqlite")) as old, old:
            old.execute("ALTER TABLE rejects DROP COLUMN batch")
            old.execute("UPDATE state SET books = json_set(CAST(books AS TEXT), '$.first_batch', 0)")
    assert kind.connected()[0].checkpoint.complete

    async def again(sink: Any) -> Any:
        return await sink.commit(batch(1, page("a", "b", rejects=[reject(b"bad")]), total=4, complete=True))

    done = kind.use(again, restart=True)
    assert (done.rows, done.duplicates, done.missing) == (1, 2, 1)
