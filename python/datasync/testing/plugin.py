"""Fixtures of pytest for the tests of plugins: `pytest_plugins = ["datasync.testing.plugin"]` in the topmost conftest.

It is no entry point of pytest's: those are loaded in every run of everybody who has datasync installed.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from typing import Final

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from datasync.testing.errors import EmbeddedPostgresError
from datasync.testing.postgres import EmbeddedPostgres

_NUMBERS: Final = count(1)
_INSTALL: Final = "pip install 'datasync[demo]'"
_SERVER: Final = ("uvicorn", "httptools", "starlette")


@pytest.fixture(scope="session")
def datasync_postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that lives as long as the session."""
    server = EmbeddedPostgres()
    try:
        server.start()
    except EmbeddedPostgresError as error:
        pytest.fail(f"{error}\nhint: {error.hint}\nhint: {_INSTALL}", pytrace=False)
    yield server
    server.stop()


@pytest.fixture
def datasync_database(datasync_postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of an empty database, dropped afterwards; for `DATABASE_URL`."""
    name = f"datasync_{os.getpid()}_{next(_NUMBERS)}"
    yield datasync_postgres.create_database(name)
    datasync_postgres.drop_database(name)


@pytest.fixture
def datasync_api_options() -> SimulatorOptions:
    """What the simulated API is like. Define a fixture of this name to have another one."""
    return SimulatorOptions(count=1000, rate_limit="none")


@pytest.fixture
def datasync_api(datasync_api_options: SimulatorOptions) -> Iterator[SimulatorProcess]:
    """A simulated DataSync API, in a process of its own: `base_url`, and the key is that of its `options`."""
    missing = [name for name in _SERVER if find_spec(name) is None]
    if missing:
        pytest.fail(f"the simulated API needs {', '.join(missing)}\nhint: {_INSTALL}", pytrace=False)
    with SimulatorProcess(datasync_api_options) as api:
        yield api
