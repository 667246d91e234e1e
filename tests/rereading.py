"""An endpoint that can't find its place again, as a plugin: the events list, read again where a cursor expires."""

from pathlib import Path

PLUGIN = """
import datasync
from datasync.endpoints.base import ByReread
from datasync.endpoints.datasync_api import EventsEndpoint


class Again(EventsEndpoint):
    name = "test.again"

    def __init__(self, settings):
        super().__init__(settings)
        self.reseek = ByReread()


class Brief(EventsEndpoint):
    name = "test.brief"
    cursor_ttl = 0.02


@datasync.hookimpl
def register_endpoints(register):
    register("again", Again)
    register("brief", Brief)


@datasync.transform("picky")
def picky(record):
    return None if record["id"].startswith(("no", "0", "1")) else record
"""

ARGUMENTS = ("--plugin", "again.py", "--endpoint", "again")


def write(folder: Path) -> None:
    """Put it into a run's working directory."""
    (folder / "again.py").write_text(PLUGIN)
