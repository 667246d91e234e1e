"""Cursors are written anew only where the API was seen to take one, and all that they hold is explained."""

import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from datasync.config.spec import CursorPaging, Renewal
from datasync.discovery import spec
from datasync.discovery.address import parse
from datasync.discovery.credentials import Given
from datasync.discovery.findings import Findings
from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.discovery.apis import Api, Shape, discover, serving
from tests.discovery.cursored import Holds
from tests.support import API_KEY, Database, environment, finish, kill_once_served, start

WRITTEN = "a cursor that was written here"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving() as running:
        yield running


def shape(**more: Any) -> Shape:
    chosen: dict[str, Any] = {"paging": "cursor", "holds": "record", "size_param": "limit", **more}
    return Shape(**chosen)


def written(found: Findings) -> tuple[Mapping[str, Any], str]:
    """The paging in the file, and the file."""
    address = parse(found.url)
    text = spec.written(found, spec.config(found, address, Given()))
    return tomllib.loads(text)["endpoint"][0]["paging"], text


def asked(found: Findings) -> list[str]:
    return [trial.asked for trial in found.tried]


@pytest.mark.parametrize("size_param", [None, "limit"])
@pytest.mark.parametrize("moment", ["iso", "s", "ms"])
def test_cursors_that_the_api_was_seen_to_take_are_written_into_the_file(
    api: Api, moment: str, size_param: str | None
) -> None:
    found = discover(api, shape(moment=moment, size_param=size_param))
    members: dict[str, str | int | bool] = {"id": "$key", "ts": "$timestamp_ms", "v": 2}
    assert found.renewal is not None, found.tried
    assert found.renewal.renew == Renewal(members=members, expires="exp", lifetime=found.renewal.renew.lifetime)
    assert found.renewal.renew.lifetime in ("549s", "550s")
    assert api.cursors.built == 1
    paging, text = written(found)
    assert paging["renew"] == {"members": members, "expires": "exp", "lifetime": found.renewal.renew.lifetime}
    assert "# verified: a cursor that was written here gave the same 20 records as the API's own" in text


def test_a_list_of_two_small_pages_is_enough(api: Api) -> None:
    assert discover(api, shape(count=12)).renewal is not None


@pytest.mark.parametrize("size_param", [None, "limit"])
@pytest.mark.parametrize("holds", ["row", "own time", "signed", "seconds", "issued", "session", "rows"])
def test_a_cursor_that_holds_what_nothing_explains_is_not_written_and_costs_nothing(
    api: Api, holds: Holds, size_param: str | None
) -> None:
    found = discover(api, shape(holds=holds, size_param=size_param))
    assert found.cursor is not None
    assert (found.renewal, api.cursors.built, found.notes) == (None, 0, [])
    assert WRITTEN not in asked(found)
    assert "renew" not in written(found)[0]


def test_what_belongs_to_a_place_is_no_constant_where_one_place_is_seen(api: Api) -> None:
    """A list of two pages: only the first one has a cursor."""
    found = discover(api, shape(holds="rows", count=40, size_param=None))
    assert found.paging is not None
    assert isinstance(found.paging.paging, CursorPaging)
    assert (found.renewal, api.cursors.built) == (None, 0)


@pytest.mark.parametrize(("built", "outcome"), [("refused", "status 400"), ("ignored", "other records")])
def test_an_api_that_takes_no_written_cursor_is_noted_and_asked_no_second_time(
    api: Api, built: Literal["refused", "ignored"], outcome: str
) -> None:
    found = discover(api, shape(built=built))
    assert (found.renewal, api.cursors.built) == (None, 1)
    (note,) = found.notes
    assert "the API didn't take one" in note
    assert outcome in note
    paging, text = written(found)
    assert "renew" not in paging
    assert f"# note: {note}" in text


@pytest.mark.parametrize(("lives", "lifetime"), [(1.9, None), (9.0, "8s"), (5.0, "4s")])
def test_a_written_cursor_ends_a_little_sooner_and_never_lives_too_short(
    api: Api, lives: float, lifetime: str | None
) -> None:
    found = discover(api, shape(lives=lives))
    assert (None if found.renewal is None else found.renewal.renew.lifetime) == lifetime
    assert api.cursors.built == (lifetime is not None)


def test_how_an_ended_cursor_is_refused_is_seen_without_a_wait(api: Api) -> None:
    found = discover(api, shape())
    assert found.cursor is not None
    assert found.cursor.refusals == ("CURSOR_GONE",)
    assert asked(found)[-2:] == [WRITTEN, "one that has ended"]
    assert api.slept == []
    assert written(found)[0]["expired"] == ["CURSOR_GONE"]


def test_an_api_that_takes_a_cursor_that_has_ended_is_noted(api: Api) -> None:
    found = discover(api, shape(built="unending"))
    assert found.renewal is not None
    assert found.notes == ["a cursor that had ended was taken all the same"]
    assert "expired" not in written(found)[0]


def test_the_proof_comes_last_and_never_costs_more_than_is_left(api: Api) -> None:
    whole = discover(api, shape())
    assert whole.stopped is None
    for allowed, proven, refusals in (
        (whole.used, True, ("CURSOR_GONE",)),
        (whole.used - 1, True, ()),
        (whole.used - 2, False, ()),
    ):
        found = discover(api, shape(), allowed=allowed)
        assert found.used == api.served == allowed
        assert (found.renewal is not None) is proven
        assert found.cursor is not None
        assert found.cursor.refusals == refusals
        assert found.parameters == whole.parameters
        assert ("say in `expired` with what" in written(found)[1]) is (proven and not refusals)


@pytest.mark.parametrize("status", [400, 502])
def test_a_run_by_the_file_goes_on_when_its_cursor_has_expired_and_reads_nothing_twice(
    simulate: Callable[[SimulatorOptions], SimulatorProcess],
    database: Database,
    workdir: Path,
    status: Literal[400, 502],
) -> None:
    lives = 4.0
    api = simulate(
        SimulatorOptions(
            count=8000, api_key=API_KEY, rate_limit="none", page_cap=100, cursor_ttl=lives, expired_status=status
        )
    )
    env = environment(database.dsn, api.base_url)
    found = finish(start(["init", f"{api.base_url}/events", "--header", "X-API-Key:API_KEY", "--json"], env))
    assert found.code == 0, found.stderr
    assert json.loads(found.stdout)["renewal"]["renew"] == {
        "members": {"id": "$key", "ts": "$timestamp_ms", "v": 2}, "expires": "exp", "lifetime": "2s"
    }  # fmt: skip
    file = (workdir / "datasync.toml").read_text()
    expired = tomllib.loads(file)["endpoint"][0]["paging"].get("expired")
    assert expired == (["CURSOR_EXPIRED"] if status == 400 else None)
    for _ in range(2):
        process = start(["ingest"], env)
        kill_once_served(process, api, len(api.served()) + 20, 0.0)
        time.sleep(lives)
    before = len(api.served())
    run = finish(start(["ingest"], env))
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["reseeks"] >= 1
    assert api.served()[before].status == status, "the run began with a cursor that was gone"
    assert tuple(database.fetch("SELECT duplicates, served FROM cursor_state")[0]) == (0, 8000)
    assert {str(row[0]) for row in database.fetch("SELECT id FROM events")} == set(Dataset(1, 8000).ids())
    assert (workdir / "datasync.toml").read_text() == file
