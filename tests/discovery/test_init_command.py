"""`datasync init` against the simulated API, as a user runs it."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import datasync
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.scripted import ScriptedApi
from tests.support import API_KEY, Run, finish, start

# The process runs the package that is tested here, wherever it was started.
ENV = {"PATH": "/usr/bin:/bin", "MY_KEY": API_KEY, "PYTHONPATH": str(Path(datasync.__file__).parents[1])}
DOCUMENT = Path(__file__).parents[2] / "docs" / "discovery.md"


def init(*arguments: str) -> Run:
    return finish(start(["init", *arguments], ENV))


def test_the_simulated_api_is_found_out_and_written_down(
    simulate: Callable[[SimulatorOptions], SimulatorProcess], workdir: Path
) -> None:
    api = simulate(SimulatorOptions(count=12_000, api_key=API_KEY, rate_limit="40/60", gzip=True))
    url = f"{api.base_url}/events"
    run = init(url, "--header", "X-API-Key:MY_KEY", "--json", "--table", "lake.events")
    assert run.code == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["paging"]["paging"]["next"] == "pagination.nextCursor"
    assert found["paging"]["sureness"] == "verified"
    assert (found["size"]["param"], found["size"]["cap"], found["size"]["default"]) == ("limit", 5000, 100)
    assert (found["total"], found["total_path"], found["key"]) == (12_000, "meta.total", "id")
    assert found["has_more"] == "pagination.hasMore"
    assert found["cursor"]["seconds"] > 110
    assert (found["limits"][0]["limit"], found["window"]) == (40, 60)
    assert found["order"] == {"column": "timestamp", "direction": "newest first", "records": 200}
    assert found["first"]["encoding"] == "gzip"
    assert {one["effect"] for one in found["parameters"]} == {"ignored"}
    timestamp = next(one for one in found["columns"] if one["name"] == "timestamp")
    assert timestamp["kind"] == "timestamptz"
    assert "ISO 8601" in timestamp["how"]
    assert "epoch ms" in timestamp["how"]
    assert len([one for one in api.served() if one.endpoint == "events"]) == found["used"] <= 40
    assert f"{found['used']} of 40 requests used" in run.stderr

    text = (workdir / "datasync.toml").read_text()
    assert API_KEY not in text + run.stdout + run.stderr
    written = tomllib.loads(text)
    assert written["api"]["auth"] == {"kind": "header", "key": "${MY_KEY}"}
    (endpoint,) = written["endpoint"]
    assert endpoint["paging"]["size"] == 5000
    assert endpoint["table"]["name"] == "lake.events"
    (example,) = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    (documented,) = tomllib.loads(example)["endpoint"]
    for one in (endpoint, documented):  # a slow answer leaves a cursor a second less
        assert one["paging"].pop("ttl")
        assert one["paging"]["renew"].pop("lifetime")
    assert {key: endpoint[key] for key in documented} == documented

    (workdir / "datasync.toml").write_text("mine")
    refused = init(url, "--header", "X-API-Key:MY_KEY")
    assert refused.code == 2
    assert (workdir / "datasync.toml").read_text() == "mine"
    assert len([one for one in api.served() if one.endpoint == "events"]) == found["used"]


def test_without_a_key_nothing_is_written_and_a_hint_says_what_to_do(
    simulate: Callable[[SimulatorOptions], SimulatorProcess], workdir: Path
) -> None:
    api = simulate(SimulatorOptions(count=10, api_key=API_KEY))
    run = init(f"{api.base_url}/events")
    assert run.code == 2
    assert "--header" in run.stderr.partition("\nhint: ")[2]
    assert not (workdir / "datasync.toml").exists()


def test_a_value_in_place_of_a_variables_name_is_refused_and_not_shown(workdir: Path) -> None:
    run = init("http://127.0.0.1:9/x", "--header", f"X-API-Key:{API_KEY}")
    assert run.code == 2
    assert API_KEY not in run.stdout + run.stderr
    assert not list(workdir.iterdir())


def test_an_address_that_is_down_or_fails_is_answered_with_a_hint(workdir: Path) -> None:
    assert "hint: is the address right" in init("http://127.0.0.1:9/x").stderr
    with ScriptedApi(lambda _: (500, {}, b"oops")) as api:
        assert "hint: what does a browser or curl get there?" in init(f"{api.base_url}/x").stderr
    assert not list(workdir.iterdir())
