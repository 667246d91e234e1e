"""Settings and plugins that are wrong, or would do harm: refused before the first request, or harmless."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasync.errors import PluginError
from datasync.http.origin import Origin
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.faults.here import ingest_here
from tests.scripted import ScriptedApi, page
from tests.support import API_KEY, Database, ingest

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

OPTIONS = SimulatorOptions(count=100, api_key=API_KEY, rate_limit="none")
INJECTION = 'x"; DROP TABLE precious; --'


@pytest.mark.fault(65)
def test_a_setting_that_nothing_replaced_is_refused_by_name_before_the_first_request(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(OPTIONS)
    run = ingest(database.dsn, api.base_url, key="canary-${SECRET_FROM_CI}")
    assert run.code == 2, run.stderr
    assert run.error["code"] == "config"
    assert "API_KEY" in run.error["event"]
    assert "canary" not in run.stderr
    assert not api.served()


NAMES = [INJECTION, "../../etc/passwd", "../x:y", "x" * 64, "d\N{CYRILLIC SMALL LETTER A}tasync", "line\nbreak"]


@pytest.mark.fault(66)
@pytest.mark.parametrize("setting", ["endpoint", "transforms", "sink"])
def test_a_name_that_nobody_registered_is_refused_whatever_it_looks_like(setting: str) -> None:
    with ScriptedApi(lambda _: page(["a"], None)) as api:
        for name in NAMES:
            chosen: dict[str, Any] = {setting: (name,) if setting == "transforms" else name}
            with pytest.raises(PluginError):
                ingest_here(None, api.base_url, **chosen)
    assert not api.asked


HOSTILE = """
from datasync import hookimpl
from datasync.endpoints.datasync_api import EventsEndpoint


class Hostile(EventsEndpoint):
    name = {name!r}


@hookimpl
def register_endpoints(register):
    register("hostile", Hostile)
"""


@pytest.mark.fault(66)
def test_a_streams_name_is_a_value_whatever_it_looks_like(database: Database, workdir: Path) -> None:
    database.execute("CREATE TABLE precious AS SELECT 1")
    names = [INJECTION, "x" * 64, "x" * 5000, "'; DELETE FROM precious; --", "%s $1 {0}", "名"]
    with ScriptedApi(lambda _: page(["a"], None, total=1)) as api:
        for number, name in enumerate(names):
            plugin = workdir / f"hostile{number}.py"
            plugin.write_text(HOSTILE.format(name=name))
            ingest_here(database, api.base_url, plugin=plugin, endpoint="hostile")
    assert {row[0] for row in database.fetch("SELECT stream FROM cursor_state WHERE complete")} == set(names)
    assert database.value("SELECT count(*) FROM precious") == 1


@pytest.mark.fault(66)
def test_a_host_that_only_looks_like_another_is_another_and_shows_it() -> None:
    real, homoglyph = (
        Origin.of("https://api.example.com/v1"),
        Origin.of("https://\N{CYRILLIC SMALL LETTER A}pi.example.com/v1"),
    )
    assert homoglyph != real
    assert str(homoglyph) == "https://xn--pi-6kc.example.com"


GENERATOR = """
import datasync

@datasync.transform("bad")
def bad(record):
    while True:
        yield record
"""


@pytest.mark.fault(62)
def test_a_transform_that_is_an_endless_generator_loses_its_records_to_quarantine(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(GENERATOR)
    run = ingest(
        database.dsn, simulate(OPTIONS).base_url, "--plugin", "mine.py", "--transform", "bad", "--max-rejects", "1"
    )
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["quarantined"] == 100
    details = {row[0] for row in database.fetch("SELECT detail FROM quarantined_events")}
    assert details == {"bad: gave a generator, not a dict or None"}


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "factory",
    [
        "lambda settings: None",
        "lambda settings: 1 / 0",
        "lambda settings: sys.exit(0)",
        "lambda: None",
        "type('E', (EventsEndpoint,), {'plan': {'records': 'data'}})",
        "type('E', (EventsEndpoint,), {'plan': EncoderPlan('data', (Column('a', '[', 'text'),))})",
    ],
)
def test_an_endpoint_that_breaks_its_contract_is_named_and_nothing_is_asked_or_written(
    tmp_path: Path, factory: str
) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import sys\nimport datasync\n"
        "from datasync.model import Column, EncoderPlan\n"
        "from datasync.endpoints.datasync_api import EventsEndpoint\n\n"
        f"@datasync.hookimpl\ndef register_endpoints(register):\n    register('mine', {factory})\n"
    )
    with ScriptedApi(lambda _: page(["a"], None)) as api, pytest.raises(PluginError, match="the endpoint `mine`"):
        ingest_here(None, api.base_url, plugin=plugin, endpoint="mine")
    assert not api.asked
