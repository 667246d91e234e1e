"""Recorded answers of real APIs are read as their configurations say."""

import json
from pathlib import Path

import httpx
import pytest

from tests.recorded.replay import FOLDER, conversation, replay
from tests.support import Database, environment, finish, start
from tests.zoo.configs import read
from tests.zoo.oracle import at, open_client, walk

TOKEN = "canary-recorded-token"
COMPLETE = {"github": ("issues", "id"), "notion": ("pages", "id")}
ALL = {**COMPLETE, "crossref": ("licenses", "URL")}
PLACES = {"github": "", "notion": "results", "crossref": "message.items"}


def variables(origin: str) -> dict[str, str]:
    return {"RECORDED": origin, "RECORDED_TOKEN": TOKEN}


def recorded(api: str) -> list[str]:
    """The keys of all records, as they are in the files."""
    bodies = [json.loads((FOLDER / api / answer.body).read_bytes()) for answer in conversation(api).answers]
    return [str(record[ALL[api][1]]) for body in bodies for record in at(body, PLACES[api])]


@pytest.mark.parametrize("api", ALL)
def test_a_conversation_is_read_to_its_end(api: str) -> None:
    with replay(api) as origin:
        config = read(FOLDER / api / "datasync.toml", variables(origin) | {"DATABASE_URL": "postgresql://h/d"})
        with open_client(config) as client:
            found = [str(record[ALL[api][1]]) for record in walk(config, client)[ALL[api][0]]]
    assert found == recorded(api)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("api", ["github", "crossref"])
def test_bodies_are_as_long_as_they_were(api: str) -> None:
    for answer in conversation(api).answers:
        if "content-encoding" not in answer.headers:
            assert len((FOLDER / api / answer.body).read_bytes()) == int(answer.headers["content-length"])


def test_headers_come_as_they_were_but_lead_to_the_replay() -> None:
    with replay("github") as origin, httpx.Client(trust_env=False, verify=False) as client:
        first = client.get(f"{origin}/repos/octokit-fixture-org/paginate-issues/issues?per_page=3")
        assert first.links["next"]["url"] == f"{origin}/repositories/1000/issues?per_page=3&page=2"
        assert first.headers["x-ratelimit-reset"] == "1507651200000"
        assert client.get(f"{origin}/repositories/1000/issues?page=9").status_code == 404


@pytest.mark.parametrize("api", COMPLETE)
def test_a_conversation_is_stored(database: Database, workdir: Path, api: str) -> None:
    name, key = COMPLETE[api]
    with replay(api) as origin:
        shell = environment(database.dsn, origin) | variables(origin)
        run = finish(start(["ingest", "--config", str(FOLDER / api / "datasync.toml")], shell))
    assert run.code == 0, run.stderr
    assert TOKEN not in run.stdout + run.stderr
    rows = database.fetch(f'SELECT {key}::text FROM "recorded_{name}"')
    assert sorted(row[0] for row in rows) == sorted(recorded(api))


def test_a_part_of_what_was_declared_is_not_called_complete(database: Database, workdir: Path) -> None:
    with replay("crossref") as origin:
        shell = environment(database.dsn, origin) | variables(origin)
        run = finish(start(["ingest", "--config", str(FOLDER / "crossref/datasync.toml")], shell))
    assert run.code == 1, run.stderr
