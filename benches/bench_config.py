"""An endpoint that a configuration describes, and a transform in Python, against the built-in endpoint as it comes.

All read the same events from the unlimited simulator into an embedded PostgreSQL, in turns, each into an empty
database. The configuration is the preset's: the same plan, read by the endpoint `rest`.
"""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.pairs import paired
from benches.writing import Target, settings
from datasync import app, loop
from datasync.config import Secret, Settings
from datasync.config.compile import runs
from datasync.config.preset import PRESETS
from datasync.config.schema import WriteSettings
from datasync.config.spec import Api, Config, HeaderKey, PostgresTo
from datasync.plugins import Plugins
from datasync.simulator import SimulatorOptions, SimulatorProcess

EVENTS = 200_000


def touch(record: dict[str, Any]) -> dict[str, Any]:
    """Change one field."""
    record["name"] = str(record.get("name")).lower()
    return record


@pytest.fixture
def target(server_dsn: str) -> Iterator[Target]:
    """An empty database."""
    target = Target(server_dsn)
    yield target
    target.database.drop()


@pytest.fixture(scope="module")
def api() -> Iterator[SimulatorProcess]:
    """Serves the events without a limit."""
    with SimulatorProcess(SimulatorOptions(count=EVENTS, rate_limit="none", api_key="bench")) as api:
        yield api


def read(run: Settings) -> None:
    """A whole run, in this process."""
    stats = loop.run(app.ingest(run, Plugins()))
    assert stats.rows == EVENTS


def test_a_configuration_against_the_preset(benchmark: BenchmarkFixture, target: Target, api: SimulatorProcess) -> None:
    """The goal: within 3 %."""

    def configured() -> None:
        config = Config(
            api=Api(base_url=api.base_url, auth=HeaderKey(key=Secret("bench", source="bench"))),
            sink=PostgresTo(url=Secret(target.database.dsn, source="bench")),
            endpoints=(PRESETS["datasync"],),
        )
        (run,) = runs(config)
        assert run.endpoint == "rest"
        read(run)

    paired(
        benchmark,
        configured,
        lambda: read(settings(target.database.dsn, api.base_url, WriteSettings())),
        name="ingest: built-in endpoint / the same from a configuration (0.97 is 3 % slower)",
        timer=time.perf_counter,
        rounds=9,
        reset=target.renew,
    )


def test_a_transform_against_none(benchmark: BenchmarkFixture, target: Target, api: SimulatorProcess) -> None:
    """The goal: at most three times as long."""
    plain = settings(target.database.dsn, api.base_url, WriteSettings())

    def run(transforms: tuple[str, ...]) -> None:
        here = settings(target.database.dsn, api.base_url, plain.write)
        read(msgspec.structs.replace(here, transforms=transforms))

    paired(
        benchmark,
        lambda: run((f"{__name__}:touch",)),
        lambda: run(()),
        name="ingest: without / with a transform that changes one field (0.33 is three times as long)",
        timer=time.perf_counter,
        rounds=5,
        reset=target.renew,
    )
