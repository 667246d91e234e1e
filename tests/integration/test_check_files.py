"""`datasync check` looks at the files that rows would go to, and at the executor, before it says that all is well."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from tests.here import Here
from tests.support import environment, finish, start

pytestmark = pytest.mark.usefixtures("workdir")

SINKS = {
    "jsonl": 'kind = "jsonl"\nfolder = "out"',
    "parquet": 'kind = "parquet"\nfolder = "out"',
    "duckdb": 'kind = "duckdb"\npath = "out/rows.duckdb"',
}
LIVE = {"jsonl": "out/things.jsonl", "parquet": "out/things", "duckdb": "out/rows.duckdb"}


def checked(here: Here, sink: str, *, code: int, before: str = "") -> Mapping[str, tuple[str, str, str]]:
    Path("datasync.toml").write_text(
        f'{before}\n[api]\nbase_url = "http://127.0.0.1:1"\n[sink]\n{sink}\n'
        '[[endpoint]]\nname = "things"\npath = "/x"\n'
    )
    done = here("", "check", "--json", "--no-api", code=code)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["check"]: (one["result"], one["code"] or "", one["text"]) for one in found}


@pytest.mark.parametrize("kind", SINKS)
def test_files_that_can_be_made_are_and_nothing_is_made(here: Here, kind: str) -> None:
    result, _, text = checked(here, SINKS[kind], code=0)["sink"]
    assert (result, text) == ("ok", f"`{LIVE[kind]}` can be made")
    assert [path.name for path in Path().iterdir()] == ["datasync.toml"]


@pytest.mark.parametrize("kind", SINKS)
def test_a_folder_that_is_a_file_or_not_to_be_written_fails(
    here: Here, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("datasync.cli.check_files.os.access", lambda *_: False)  # root may write anywhere
        assert "can't be written to" in checked(here, SINKS[kind], code=2)["sink"][2]
    Path("out").write_text("a file")
    result, code, text = checked(here, SINKS[kind], code=2)["sink"]
    assert (result, code) == ("failed", "config")
    assert "is no folder" in text
    assert Path("out").read_text() == "a file"


@pytest.mark.parametrize("kind", SINKS)
def test_files_of_others_fail(here: Here, kind: str) -> None:
    Path("out").mkdir()
    if kind == "parquet":
        Path(LIVE[kind]).mkdir()
        (Path(LIVE[kind]) / "mine.parquet").write_text("x")
    else:
        Path(LIVE[kind]).write_text("no rows of ours, and no database")
    assert checked(here, SINKS[kind], code=2)["sink"][0] == "failed"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_run_that_holds_the_state_is_told(here: Here, kind: str) -> None:
    home = Path("out/things.datasync")
    home.mkdir(parents=True)
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert checked(here, SINKS[kind], code=2)["sink"][1] == "sink_busy"
    finally:
        os.close(descriptor)
    assert checked(here, SINKS[kind], code=0)["sink"][0] == "ok"


def test_a_table_of_other_columns_in_a_duckdb_database_fails(here: Here) -> None:
    Path("out").mkdir()
    with duckdb.connect("out/rows.duckdb") as database:
        database.execute("CREATE TABLE things (id INTEGER)")
    result, code, _ = checked(here, SINKS["duckdb"], code=2)["sink"]
    assert (result, code) == ("failed", "schema_mismatch")


def test_stdout_needs_no_folder(here: Here) -> None:
    assert checked(here, 'kind = "jsonl"\nfolder = "-"', code=0)["sink"] == ("ok", "", "rows go to stdout")


@pytest.mark.parametrize("name", ["nope", "nomodule:f", "os:nothing", "os:sep"])
def test_a_transform_that_is_none_fails(here: Here, name: str) -> None:
    result, code, text = checked(here, SINKS["jsonl"], code=2, before=f'defaults.transforms = ["{name}"]')["transforms"]
    assert (result, code) == ("failed", "plugin")
    assert name in text


def test_an_executor_that_nobody_offers_fails_with_one_endpoint_too(here: Here) -> None:
    result, code, text = checked(here, SINKS["jsonl"], code=2, before='executor = "nope"')["executor"]
    assert (result, code) == ("failed", "plugin")
    assert "`nope`" in text
    run = finish(start(["ingest"], environment("", "")))
    assert (run.code, run.error["code"]) == (2, "plugin")
