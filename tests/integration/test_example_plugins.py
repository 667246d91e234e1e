"""The example packages, really installed and run as users run them."""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.packages import SOURCES, install, pip_install
from tests.scripted import Answer, Asked, Server
from tests.support import API_KEY, Database, Run, environment, finish, ingest, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

OPTIONS = SimulatorOptions(count=700, api_key=API_KEY, rate_limit="none", page_cap=200)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both examples, and a package that is broken."""
    site = tmp_path_factory.mktemp("site")
    for example in ("datasync-mask-user", "datasync-ledger"):
        pip_install(site, example)
    install(site, "broken", "import no_such_module\n", version="0.3")
    return site


@pytest.fixture
def path(site: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(site), str(SOURCES)])}


def run(path: dict[str, str], *arguments: str) -> Run:
    return finish(start(list(arguments), environment("", "", **path)))


def test_the_example_package_installs_and_masks_every_user(
    simulate: Simulate, database: Database, path: dict[str, str]
) -> None:
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--transform", "mask-user", MASK_USER_KEY="k", **path)
    assert run.code == 0, run.stderr
    assert run.line("a plugin is left out")["plugin"] == "broken"
    stored = {row[0]: row[1] for row in database.fetch("SELECT id, data->>'userId' FROM ingested_events")}
    dataset = Dataset(1, 700)
    for index in range(700):
        event = dataset.event(index)
        assert stored[event["id"]] == hmac.new(b"k", event["userId"].encode(), hashlib.sha256).hexdigest()


def test_the_example_stores_nothing_unmasked_without_its_key(
    simulate: Simulate, database: Database, path: dict[str, str]
) -> None:
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--transform", "mask-user", **path)
    assert run.code == 1
    assert run.error["code"] == "too_many_rejects"
    assert database.value("SELECT count(*) FROM quarantined_events") > 0
    assert database.value("SELECT count(*) FROM ingested_events") == 0


class Ledger(Server):
    """Serves entries to whoever signs rightly."""

    entries: Final = 1200

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.asked: list[str] = []
        self.base_url = f"{self.origin}/v1"

    def _answer(self, asked: Asked) -> Answer:
        self.asked.append(str(asked.headers))
        text = f"{asked.headers['X-Ledger-Time']}\nGET\n{asked.target}".encode()
        right = hmac.new(API_KEY.encode(), text, hashlib.sha256).hexdigest() == asked.headers["X-Ledger-Signature"]
        after, limit = (int(asked.query[name]) for name in ("after", "limit"))
        numbers = range(after + 1, min(after + limit, self.entries) + 1)
        entries = [{"id": f"e{n}", "kind": "credit", "amount": n / 8, "bookedAt": 1705314600 + n} for n in numbers]
        body = json.dumps({"entries": entries, "last": after + len(entries)} if right else {}).encode()
        return 200 if right else 401, {"X-Ledger-Head": str(self.entries)}, body


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger() as server:
        yield server


def test_the_example_endpoint_reads_its_own_pages_with_signed_requests(
    ledger: Ledger, database: Database, path: dict[str, str]
) -> None:
    run = ingest(database.dsn, ledger.base_url, "--endpoint", "ledger", **path)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["rows"] == 1200
    assert len(ledger.asked) == 3
    assert API_KEY not in run.stderr + "".join(ledger.asked)
    stored = database.fetch("SELECT id, (data->>'amount')::numeric FROM ingested_events")
    assert {(row[0], row[1] * 8) for row in stored} == {(f"e{n}", n) for n in range(1, 1201)}


def test_the_example_endpoint_names_the_key_that_was_refused(
    ledger: Ledger, database: Database, path: dict[str, str]
) -> None:
    run = ingest(database.dsn, ledger.base_url, "--endpoint", "ledger", key="canary-of-another", **path)
    assert run.code == 2
    assert run.error["code"] == "auth"
    assert "API_KEY" in run.error["event"]
    assert "canary" not in run.stderr


def test_all_plugins_are_listed_with_what_they_have_and_why_one_is_left_out(site: Path, path: dict[str, str]) -> None:
    Path("mine.py").write_text("import datasync\n\n@datasync.transform('mine')\ndef f(record): return record\n")
    listed = run(path, "plugins", "--json", "--plugin", "mine.py")
    assert (listed.code, listed.stderr) == (0, "")
    found = {row["name"]: row for row in map(json.loads, listed.stdout.splitlines())}
    ledger = found["ledger"]
    assert (ledger["from"], ledger["package"], ledger["version"]) == ("entry point", "datasync-ledger", "0.1.0")
    assert (ledger["hooks"], ledger["endpoints"]) == (["register_endpoints"], ["ledger"])
    assert found["mask-user"]["transforms"] == ["mask-user"]
    assert (found["mine.py"]["from"], found["mine.py"]["transforms"]) == ("file", ["mine"])
    assert found["datasync.sinks.postgres.sink"]["from"] == "built-in"
    assert "no_such_module" in found["broken"]["failure"]
    text = run(path, "plugins")
    assert (
        "ledger (entry point, datasync-ledger 0.1.0)\n  hooks: register_endpoints\n  endpoints: ledger\n" in text.stdout
    )
    assert "broken (entry point, datasync-broken 0.3)\n  left out: the plugin `broken` can't be loaded" in text.stdout


def test_the_reason_of_a_failure_shows_no_secret(tmp_path: Path) -> None:
    install(tmp_path, "teller", "import os\nraise ValueError(os.environ['API_KEY'])\n")
    listed = run({"PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCES)])}, "plugins")
    assert "ValueError: ***" in listed.stdout
    assert API_KEY not in listed.stdout + listed.stderr


COMMANDS = """
import click
import datasync

@datasync.hookimpl
def register_commands(cli):
    @cli.command("greet")
    def greet():
        "Say hello."
        click.echo("hello")
"""


def test_a_plugins_command_is_found_and_listed_and_ours_load_no_plugin(tmp_path: Path) -> None:
    install(tmp_path, "greeter", COMMANDS)
    install(tmp_path, "thief", COMMANDS.replace("greet", "ingest"))
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCES)])}
    greeted = run(path, "greet")
    assert (greeted.code, greeted.stdout) == (0, "hello\n")
    assert "register_commands of `thief`: `ingest` is there already" in greeted.stderr
    listed = run(path, "--help")
    assert "Say hello." in listed.stdout
    assert "Read an API to its end" in listed.stdout
    helped = run(path | {"DATASYNC_TRACE_PLUGINS": "1"}, "ingest", "--help")
    assert (helped.code, helped.stderr) == (0, "")


def test_a_trace_names_each_hook_on_stderr_and_shows_no_secret(
    simulate: Simulate, database: Database, path: dict[str, str]
) -> None:
    Path("mine.py").write_text(
        "import os, datasync\n\n@datasync.hookimpl\ndef run_started(stats): return os.environ['API_KEY']\n"
    )
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--plugin", "mine.py", DATASYNC_TRACE_PLUGINS="1", **path)
    assert run.code == 0, run.stderr
    traced = [line for line in run.lines if line["event"] == "a hook was called"]
    assert {"register_endpoints", "run_started", "batch_committed"} <= {line["hook"] for line in traced}
    assert [line["results"] for line in traced if line["plugins"] == "mine.py"] == ["['***']"]
    assert API_KEY not in run.stderr
