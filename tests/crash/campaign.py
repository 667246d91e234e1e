"""One stream on one database: killed again and again, started again each time, and read to its end at last."""

import json
import random
import signal
import subprocess
import time
from contextlib import ExitStack
from typing import Self

import msgspec

from datasync import envvars
from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.crash.judge import Judge, Verdict
from tests.crash.points import RANDOM, Kill, plan
from tests.support import API_KEY, Database, Run, environment, finish, start

PAGE = 20
PAGES_PER_KILL = 8
"""More than a run reads before it is killed, on the average."""

TRIES = 8
"""Runs that may end by themselves before one comes to its point."""

REFUSE = "ALTER TABLE ingested_events ADD CONSTRAINT refused CHECK (id < '8') NOT VALID"
ADMIT = "ALTER TABLE ingested_events DROP CONSTRAINT refused"

OURS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^datasync'"
"""Sessions of runs in this database."""


class Outcome(msgspec.Struct):
    """What came of one kill, or of the run to the end.

    Attributes:
        point: where it was killed; `end` for the last run.
        lost, twice: records, besides those that were before.
        wrong: what else doesn't fit.
        runs: it took, those that ended by themselves among them.
        manual: of these ended in a way that somebody would have to look at.
        moved: the checkpoint is further than before.
        partitions: of the stream by then.
    """

    point: str
    lost: int
    twice: int
    wrong: list[str]
    runs: int
    manual: int
    moved: bool
    partitions: int


class Campaign:
    """Use as a context manager; `run` does the work. Its `judge` knows what was served.

    The API gains events meanwhile. On the feed, which is read in windows, answers are compressed and tokens end early,
    and with every second seed `total` counts what appears.
    """

    def __init__(self, database: Database, partitions: int, *, each: int, anywhere: int, seed: int) -> None:
        """Plan `each` kills at every point and `anywhere` at random moments."""
        self._chance = random.Random(seed)
        self._kills = plan(partitions, each=each, anywhere=anywhere, chance=self._chance)
        self._database = database
        self._windowed = partitions > 1
        self._partitions = partitions
        self._stack = ExitStack()
        late = 400
        self._options = SimulatorOptions(
            count=late + len(self._kills) * PAGES_PER_KILL * PAGE,
            seed=seed,
            late=late,
            late_per_second=late / (len(self._kills) * 0.4),
            late_counted=self._windowed and seed // 2 % 2 == 0,
            crowd="middle" if self._windowed else "none",
            gzip=self._windowed,
            drop_tokens_every=10,
            chaos="bad_timestamp=0.02",
            api_key=API_KEY,
            rate_limit="none",
            page_cap=PAGE,
            latency=0.01 if self._windowed else 0.002,
            prerender="none",
        )

    def __enter__(self) -> Self:
        self._api = self._stack.enter_context(SimulatorProcess(self._options))
        self.judge = Judge(Dataset(self._options.seed, self._options.count, self._options.crowd))
        self._seen = 0
        self._before = Verdict()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self) -> list[Outcome]:
        """Do all kills, then read to the end.

        Raises:
            AssertionError: a point was never reached.
        """
        outcomes = [self._kill(kill) for kill in self._kills]
        return [*outcomes, self._end()]

    def _kill(self, kill: Kill) -> Outcome:
        manual = 0
        for runs in range(1, TRIES + 1):
            run = self._at_random() if kill.point == RANDOM else self._at_point(kill)
            if run.code == -signal.SIGKILL:
                self._look()
                self._settle()
                return self._outcome(kill.point, self.judge.look(self._database), runs, manual)
            manual += run.code not in ((1, 143) if kill.way.signal else (1,))
        raise AssertionError(f"{kill} was not reached in {TRIES} runs; the last one: {run}")

    def _end(self) -> Outcome:
        manual = 0
        for runs in range(1, TRIES + 1):  # noqa: B007 - it is used below
            run = finish(self._start(5))  # with another number it goes on from the same windows
            if run.code == 0:
                break
            manual += run.code != 1
        else:
            manual += 1  # it doesn't end by itself
        self._look()
        return self._outcome("end", self.judge.end(self._database), runs, manual)

    def _settle(self) -> None:
        """Wait until the server has noticed that its client is gone: a COMMIT that was sent takes place after that."""
        deadline = time.monotonic() + 30
        while self._database.value(OURS):
            assert time.monotonic() < deadline, "the server still holds the session of a killed run"
            time.sleep(0.005)

    def _outcome(self, point: str, verdict: Verdict, runs: int, manual: int) -> Outcome:
        before, self._before = self._before, verdict
        lost, twice = max(0, verdict.lost - before.lost), max(0, verdict.twice - before.twice)
        moved = verdict.served > before.served
        return Outcome(point, lost, twice, verdict.wrong, runs, manual, moved, verdict.partitions)

    def _start(self, workers: int, *arguments: str, **env: str) -> "subprocess.Popen[str]":
        ways = ["--endpoint", "datasync-feed", "--partitions", str(workers)] if self._windowed else []
        base = environment(self._database.dsn, self._api.base_url, **env)
        headers = {envvars.ACCESS_HEADERS: json.dumps({"X-Dashboard-Access": "demo"})}
        return start(["ingest", "--max-rejects", "1", *ways, *arguments], base | headers)

    def _at_point(self, kill: Kill) -> Run:
        before = self._look()
        point = {envvars.FAILPOINTS: f"{kill.point}=kill@{kill.nth}"}
        if kill.way.refused:
            if self._database.value("SELECT to_regclass('ingested_events') IS NULL"):
                # The tables are made before the first batch. One kill more.
                finish(self._start(self._partitions, **{envvars.FAILPOINTS: "copy_begun=kill"}))
                self._settle()
            self._database.execute(REFUSE)
        process = self._start(self._partitions, *kill.way.arguments, **point)
        if kill.way.signal:
            self._wait(process, before + 8)
            process.terminate()
        run = finish(process)
        if kill.way.refused:
            self._database.execute(ADMIT)
        return run

    def _at_random(self) -> Run:
        before = self._look()
        process = self._start(self._partitions)
        # Anywhere from before the first request to well inside the writing.
        self._wait(process, before + self._chance.randrange(0, 14))
        time.sleep(self._chance.random() * 0.02)
        process.kill()
        return finish(process)

    def _wait(self, process: "subprocess.Popen[str]", answers: int) -> None:
        """Wait until the API has given so many answers in all, or the run has ended."""
        deadline = time.monotonic() + 60
        while self._look() < answers and process.poll() is None:
            assert time.monotonic() < deadline, "the API is asked for nothing"
            time.sleep(0.002)

    def _look(self) -> int:
        """Take note of what was served since the last time; give the number of all answers."""
        answers = self._api.served(after=self._seen)
        self.judge.see(answers)
        self._seen += len(answers)
        return self._seen
