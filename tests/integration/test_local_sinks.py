"""A whole run into each sink that is no server: all events of the simulated API, each once, and nothing to do after."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from datasync.app import ingest
from datasync.config import Secret, Settings
from datasync.errors import SourceError
from datasync.plugins import Plugins
from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.sinks import LOCAL, Kind
from tests.support import API_KEY

Simulate = Callable[[SimulatorOptions], SimulatorProcess]
COUNT = 1_500


def settings(kind: Kind, base_url: str) -> Settings:
    key = Secret(API_KEY, source="test")
    return msgspec.structs.replace(kind.settings, api_base_url=base_url, api_key=key)


@pytest.mark.parametrize("transforms", [(), ("identity",)], ids=["fast", "record"])
@pytest.mark.parametrize("name", LOCAL)
def test_a_run_stores_every_event_once(
    simulate: Simulate, workdir: Path, name: str, transforms: tuple[str, ...]
) -> None:
    api = simulate(SimulatorOptions(count=COUNT, seed=1, api_key=API_KEY, rate_limit="none", page_cap=100))
    kind = Kind(name, workdir)
    # Read in several windows of time.
    access = {"X-Dashboard-Access": Secret("demo", source="test")}
    mine = msgspec.structs.replace(
        settings(kind, api.base_url), endpoint="datasync-feed", access_headers=access, transforms=transforms
    )
    stats = asyncio.run(ingest(mine, Plugins(entry_points=False)))
    assert stats.rows == COUNT
    dataset = Dataset(1, COUNT)
    assert kind.ids() == sorted(dataset.event(index)["id"] for index in range(COUNT))
    assert stats.rows + stats.duplicates == stats.served
    asked = len(api.served())
    assert asyncio.run(ingest(mine, Plugins(entry_points=False))).rows == 0
    assert len(api.served()) == asked


@pytest.mark.parametrize("name", LOCAL)
def test_a_wrong_key_leaves_no_trace(simulate: Simulate, workdir: Path, name: str) -> None:
    api = simulate(SimulatorOptions(count=10, api_key="another-key-of-the-api", rate_limit="none"))
    with pytest.raises(SourceError):
        asyncio.run(ingest(settings(Kind(name, workdir), api.base_url), Plugins(entry_points=False)))
    assert not list(workdir.iterdir())
