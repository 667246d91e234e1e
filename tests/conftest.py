"""What the tests share: one PostgreSQL for the session, a database and a working directory for each test."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from datasync import envvars
from datasync.simulator import SimulatorOptions, SimulatorProcess
from datasync.testing import EmbeddedPostgres
from tests.here import Here
from tests.in_memory import SETTINGS, in_memory
from tests.support import Database

# "fast" keeps the suite short; `HYPOTHESIS_PROFILE=slow` searches longer.
settings.register_profile("fast", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("slow", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

_numbers = count(1)


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """A PostgreSQL in which tests may create databases."""
    if dsn := os.environ.get(envvars.TEST_DSN):
        yield dsn
        return
    postgres = EmbeddedPostgres(settings=SETTINGS)
    with in_memory():
        postgres.start()
    try:
        yield postgres.dsn
    finally:
        postgres.stop()


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that the tests start themselves keep their files in memory, too."""
    tmp_path_factory.getbasetemp()  # made now, on the disk
    with in_memory():
        yield


@pytest.fixture
def database(server_dsn: str) -> Iterator[Database]:
    """An empty database, dropped afterwards."""
    database = Database.create(server_dsn, f"datasync_test_{os.getpid()}_{next(_numbers)}")
    yield database
    database.drop()


@pytest.fixture
def simulate() -> Iterator[Callable[[SimulatorOptions], SimulatorProcess]]:
    """Start simulated APIs; they stop with the test."""
    with ExitStack() as stack:
        yield lambda options: stack.enter_context(SimulatorProcess(options))


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, so that no .env is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Run commands in this process."""
    return Here(capfd, monkeypatch)


@pytest.fixture
def hangup() -> Iterator[None]:
    """SIGHUP does what it does by itself, here and in processes that are started, though `nohup` may have begun us."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
