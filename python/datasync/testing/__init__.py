"""What plugin authors and our own tests need: a PostgreSQL that comes and goes with the process."""

from datasync.testing.binaries import Binaries, find_binaries
from datasync.testing.errors import EmbeddedPostgresError
from datasync.testing.postgres import DEFAULT_SETTINGS, EmbeddedPostgres

__all__ = ["DEFAULT_SETTINGS", "Binaries", "EmbeddedPostgres", "EmbeddedPostgresError", "find_binaries"]
