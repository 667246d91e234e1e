"""An API that turns bad ends the run before it fills quarantine."""

from pathlib import Path

import pytest

from tests.scripted import Answer, ScriptedApi, page
from tests.support import Database, ingest

pytestmark = pytest.mark.usefixtures("workdir")

PAGES = 30


def script(cursor: str | None) -> Answer:
    """Pages of ten; from the third on no record has an id that is one."""
    number = int(cursor or 0)
    ids = [f"{number}-{n}" if number < 2 else "\0" + f"{number}-{n}" for n in range(10)]
    return page(ids, str(number + 1) if number < PAGES - 1 else None, total=PAGES * 10)


def test_a_run_ends_at_too_many_rejects_and_the_next_goes_on_behind_them(database: Database) -> None:
    with ScriptedApi(script) as api:
        run = ingest(database.dsn, api.base_url)
        assert run.code == 1, run.stderr
        assert run.error["code"] == "too_many_rejects"
        assert "datasync quarantine list --summary" in run.error["hint"]
        assert "ingestion complete" not in run.stderr
        assert len(api.asked) < PAGES, "fetching stopped"
        state = database.fetch("SELECT * FROM cursor_state")[0]
        assert state["events_ingested"] == 20
        assert 0 < state["quarantined"] + state["duplicates"] == state["served"] - 20
        before = len(api.asked)
        again = ingest(database.dsn, api.base_url)
        assert again.error["code"] == "too_many_rejects"
        assert api.asked[before] == state["cursor_value"], "what was committed stays"


@pytest.mark.parametrize("way", ["flag", "variable", "file"])
def test_a_larger_share_is_borne_when_asked_for(database: Database, workdir: Path, way: str) -> None:
    arguments = ["--max-rejects", "0.95"] if way == "flag" else []
    more = {"DATASYNC_MAX_REJECTS": "0.95"} if way == "variable" else {}
    if way == "file":
        (workdir / ".env").write_text("DATASYNC_MAX_REJECTS=0.95\n")
    with ScriptedApi(script) as api:
        run = ingest(database.dsn, api.base_url, *arguments, **more)
        assert len(api.asked) == PAGES
    assert "too_many_rejects" not in run.stderr


@pytest.mark.parametrize("share", ["-0.1", "1.01", "nan", "inf", "some"])
def test_a_share_that_is_none_is_refused_before_anything(database: Database, share: str) -> None:
    run = ingest(database.dsn, "http://127.0.0.1:9", "--max-rejects", share)
    assert run.code == 2
    assert run.error["code"] == "config"
    assert share in run.error["event"]
