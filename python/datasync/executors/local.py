"""The built-in executor: one endpoint after the other."""

from collections.abc import Sequence

from datasync import hookspecs
from datasync.config import Settings
from datasync.executors.base import Job
from datasync.plugins import Register


class LocalExecutor:
    """One job after the other, in the order of the configuration."""

    def __init__(self, _settings: Settings) -> None: ...

    async def run(self, jobs: Sequence[Job]) -> None:
        """See Executor."""
        for job in jobs:
            await job.run()


@hookspecs.hookimpl
def register_executors(register: Register) -> None:
    """Offer `local`."""
    register("local", LocalExecutor)
