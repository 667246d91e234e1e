"""What running several endpoints asks of an executor, and the check that it did it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from datasync.errors import PluginError


class Job(msgspec.Struct, frozen=True):
    """The run of one endpoint.

    Attributes:
        name: of the endpoint.
        run: reads it to its end. What goes wrong with it is kept by whoever made the job; it raises only what must end
            all jobs, such as a signal, and an executor lets that pass.
        after: names of the jobs that must have ended before this one begins.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    after: frozenset[str] = frozenset()


class Executor(Protocol):
    """Decides when each job runs: in order, side by side, or as a scheduler says."""

    async def run(self, jobs: Sequence[Job]) -> None:
        """Await each job's `run()` exactly once, and return when all have ended.

        Args:
            jobs: in the order of the configuration; a job comes behind those in its `after`.
        """
        ...


async def run_all(executor: Executor, jobs: Sequence[Job]) -> None:
    """Have `executor` run `jobs`, and see that it did.

    What a job raises passes, alone, where the executor's task group has put it with others.

    Raises:
        PluginError: a job was not run, or twice, or before one that it must come after.
    """
    begun: Counter[str] = Counter()
    raised: list[BaseException] = []
    ended: set[str] = set()

    def watched(job: Job) -> Job:
        async def run() -> None:
            begun[job.name] += 1
            if begun[job.name] > 1:
                raise PluginError(f"the executor runs `{job.name}` twice")
            if waiting := job.after - ended:
                raise PluginError(f"the executor runs `{job.name}` before {', '.join(sorted(waiting))} ended")
            try:
                await job.run()
            except BaseException as error:
                raised.append(error)
                raise
            ended.add(job.name)

        return msgspec.structs.replace(job, run=run)

    try:
        await executor.run([watched(job) for job in jobs])
    except BaseExceptionGroup:
        if raised:
            raise raised[0] from None  # what ended all; the others were cancelled by a TaskGroup
        raise
    if left := [job.name for job in jobs if job.name not in ended]:
        raise PluginError(f"the executor ended without {', '.join(left)}")
