"""What can go wrong with an embedded server; on its own, so that finding and running it share it without a loop."""

from datasync.errors import EXIT_SETUP, DatasyncError


class EmbeddedPostgresError(DatasyncError):
    """A server could not be found, started, reached or stopped. The message has the end of its log, if any."""

    code = "embedded_postgres"
    exit_code = EXIT_SETUP
