"""The built-in executor, and how the runs of others are watched."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from datasync.errors import Interrupted, PluginError
from datasync.executors.base import Job, run_all
from datasync.executors.local import LocalExecutor
from datasync.testing.checks import example_settings


class Log:
    """Jobs that note when they begin and end."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def job(self, name: str, *after: str, error: Exception | None = None) -> Job:
        async def run() -> None:
            self.lines.append(f"{name} begins")
            await asyncio.sleep(0)
            if error is not None:
                raise error
            self.lines.append(f"{name} ends")

        return Job(name, run, frozenset(after))


class SideBySide:
    """What a plugin may do: all at once, but for those that wait for others."""

    async def run(self, jobs: Sequence[Job]) -> None:
        ended = {job.name: asyncio.Event() for job in jobs}

        async def one(job: Job) -> None:
            for name in job.after:
                await ended[name].wait()
            await job.run()
            ended[job.name].set()

        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))


class Calls:
    """Runs what a function makes of the jobs."""

    def __init__(self, choose: Callable[[Sequence[Job]], Sequence[Job]]) -> None:
        self._choose = choose

    async def run(self, jobs: Sequence[Job]) -> None:
        for job in self._choose(jobs):
            await job.run()


def test_the_local_executor_runs_one_after_the_other() -> None:
    log = Log()
    asyncio.run(run_all(LocalExecutor(example_settings()), [log.job("a"), log.job("b", "a")]))
    assert log.lines == ["a begins", "a ends", "b begins", "b ends"]


def test_an_executor_may_run_jobs_side_by_side_and_parents_first() -> None:
    log = Log()
    asyncio.run(run_all(SideBySide(), [log.job("a"), log.job("b"), log.job("c", "a")]))
    assert log.lines[:2] == ["a begins", "b begins"]
    assert log.lines.index("c begins") > log.lines.index("a ends")


def test_what_ends_all_jobs_passes_and_the_rest_is_not_run() -> None:
    log = Log()
    jobs = [log.job("a", error=Interrupted(15)), log.job("b")]
    with pytest.raises(Interrupted):
        asyncio.run(run_all(LocalExecutor(example_settings()), jobs))
    assert log.lines == ["a begins"]


def test_what_ends_all_jobs_passes_alone_out_of_a_task_group() -> None:
    log = Log()
    with pytest.raises(Interrupted):
        asyncio.run(run_all(SideBySide(), [log.job("a", error=Interrupted(15)), log.job("b"), log.job("c", "a")]))
    assert "c begins" not in log.lines


@pytest.mark.parametrize(
    ("choose", "said"),
    [
        (lambda jobs: jobs[:1], "ended without b"),
        (lambda jobs: [*jobs, jobs[0]], "runs `a` twice"),
        (lambda jobs: list(reversed(jobs)), "runs `b` before a ended"),
    ],
)
def test_an_executor_that_leaves_a_job_out_or_runs_it_wrongly_is_found_out(
    choose: Callable[[Sequence[Job]], Sequence[Job]], said: str
) -> None:
    log = Log()
    with pytest.raises(PluginError, match=said):
        asyncio.run(run_all(Calls(choose), [log.job("a"), log.job("b", "a")]))
