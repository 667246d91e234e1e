"""`datasync ingest` on the simulated feed, which takes windows of time."""

import subprocess
from collections.abc import Mapping

from datasync import envvars
from tests import support


def start(env: Mapping[str, str], partitions: int) -> "subprocess.Popen[str]":
    """Start it with so many partitions."""
    arguments = ["ingest", "--endpoint", "datasync-feed", "--partitions", str(partitions)]
    return support.start(arguments, {**env, envvars.ACCESS_HEADERS: '{"X-Dashboard-Access": "demo"}'})
