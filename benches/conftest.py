"""What the benches share: one embedded PostgreSQL, and simulated APIs without limits."""

import os
from collections.abc import Iterator

import pytest

from datasync import envvars
from datasync.testing import EmbeddedPostgres


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """A PostgreSQL in which benches may create databases."""
    if dsn := os.environ.get(envvars.TEST_DSN):
        yield dsn
        return
    with EmbeddedPostgres() as postgres:
        yield postgres.dsn
