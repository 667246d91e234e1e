"""One zoo for a module's tests, as new for each of them."""

from collections.abc import Iterator

import pytest

from datasync.simulator.zoo import ZooProcess


@pytest.fixture(scope="module")
def running() -> Iterator[ZooProcess]:
    with ZooProcess() as process:
        yield process


@pytest.fixture
def zoo(running: ZooProcess) -> ZooProcess:
    running.reset()
    return running
