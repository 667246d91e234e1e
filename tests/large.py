"""The feed in pages as large as the API gives them, as a plugin."""

from pathlib import Path

PLUGIN = """
import datasync
from datasync.endpoints.datasync_feed import FeedEndpoint
from datasync.model import Request


class Large(FeedEndpoint):
    name = "test.large"

    def request(self, cursor):
        return Request(self.path, {**super().request(cursor).params, "limit": 1_000_000})


@datasync.hookimpl
def register_endpoints(register):
    register("large", Large)
"""

ARGUMENTS = ("--plugin", "large.py", "--endpoint", "large")


def write(folder: Path) -> None:
    """Put it into a run's working directory."""
    (folder / "large.py").write_text(PLUGIN)
