"""What the tests of faults share: one slow feed for all that need no feed of their own."""

from collections.abc import Iterator

import pytest

from datasync.simulator import SimulatorProcess
from tests.truth import Feed, feed


@pytest.fixture(scope="session")
def feed_process() -> Iterator[SimulatorProcess]:
    """The API behind `api`."""
    with SimulatorProcess(feed()) as process:
        yield process


@pytest.fixture
def api(feed_process: SimulatorProcess) -> Feed:
    """A feed whose pages come slowly enough to do harm in between; knows what it served since the test began."""
    return Feed(feed_process)
