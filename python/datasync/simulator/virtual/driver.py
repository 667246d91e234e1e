"""Drives a limiter through a scenario: workers that ask, wait for answers and ask again, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from datasync.config.schema import HttpSettings
from datasync.errors import DatasyncError, NetworkError, RateLimited, RetriableSourceError, ServerError
from datasync.http.budget import RetryBudget
from datasync.http.retry import retrying
from datasync.http.transport import Answer
from datasync.pipeline.shutdown import Stop, Stopped
from datasync.simulator.virtual import loop
from datasync.simulator.virtual.api import Api, Reply
from datasync.simulator.virtual.clock import Machine
from datasync.simulator.virtual.limiter import Limiter, Make, Permit
from datasync.simulator.virtual.oracle import best
from datasync.simulator.virtual.outcome import Attempt, Outcome
from datasync.simulator.virtual.trace import Trace

Classify: TypeAlias = Callable[[Answer], bool]
"""Tells whether an answer is a limit signal."""

SPINS = 10_000
"""Waits within one second, after which a limiter counts as a hot loop."""

MOST_ATTEMPTS = 500_000
"""Far above any scenario; ends a limiter that holds nothing back."""


_PATIENT = HttpSettings(retry_for=86_400.0)


class HotLoop(RuntimeError):
    """The limiter goes round with hardly any time passing, or holds nothing back."""


class Happening:
    """Something that befalls the client's side at a time.

    `suspend` happens to the first request after `at`, between its permit and its sending; the others on time.
    """

    def __init__(self, at: float, *, suspend: float = 0.0, step: float = 0.0, stop: bool = False) -> None:
        self.at = at
        self.suspend = suspend
        self.step = step
        self.stop = stop


class _Play:
    def __init__(self, api: Api, trace: Trace, classify: Classify | None, happenings: Sequence[Happening]) -> None:
        self._api = api
        self._trace = trace
        self._classify = classify
        self._happenings = happenings
        self._suspensions = [happening for happening in happenings if happening.suspend]
        self._loop = asyncio.get_running_loop()
        self._stop = Stop()
        self._in_flight = 0
        self._spins = (0.0, 0)
        self._budgets: dict[str, RetryBudget] = {}
        self.machine = Machine(self._loop.time)
        self.outcome = Outcome(best=[], duration=0.0)

    async def run(self, make: Make, routes: Sequence[str], duration: float, chance: Random) -> None:
        limiter = make(self.machine.steady, self.machine.wall, self._wait, chance)
        for happening in self._happenings:
            if not happening.suspend:
                self._loop.call_later(happening.at, self._happen, happening)
        workers = [asyncio.create_task(self._work(limiter, route, Random(chance.random()))) for route in routes]
        # A suspension passes without the loop's clock, and so takes from the time to wait.
        asleep = sum(happening.suspend for happening in self._suspensions)
        _, late = await asyncio.wait(workers, timeout=duration - asleep)
        for worker in late:
            worker.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if not late:
            self.outcome.stopped_at = self.machine.elapsed()

    async def _wait(self, seconds: float) -> None:
        now = self._loop.time()
        since, spins = self._spins
        self._spins = (since, spins + 1) if now < since + 1 else (now, 0)
        if spins > SPINS:
            raise HotLoop("waits again and again for next to nothing")
        self.outcome.longest_wait = max(self.outcome.longest_wait, seconds)
        await self._stop.wait(seconds)

    def _happen(self, happening: Happening) -> None:
        if happening.stop:
            self._stop.request()
        self.machine.step(happening.step)

    async def _work(self, limiter: Limiter, route: str, chance: Random) -> None:
        """Fetch one page after another, each until it is there, as the pipeline does."""

        async def attempt() -> None:
            async with limiter.permit(route) as permit:
                failure = await self._exchange(route, permit)
            if failure:
                raise failure

        budget = self._budgets.setdefault(route, RetryBudget(self.machine.steady))
        try:
            while True:
                await retrying(
                    attempt,
                    limits=_PATIENT,
                    budget=budget,
                    wait=self._stop.wait,
                    failed=lambda _: None,
                    clock=self.machine.steady,
                    chance=chance,
                )
        except Stopped:
            return
        except DatasyncError as error:
            self.outcome.errors.append(error)
            resumes_us = getattr(error, "resume_at_us", None)
            if resumes_us is not None:
                self.outcome.resumes_at = resumes_us / 1e6
        except Exception as error:  # noqa: BLE001 - a limiter that raises has failed the scenario, which says so
            self.outcome.crashes.append(error)

    async def _exchange(self, route: str, permit: Permit) -> RetriableSourceError | None:
        """Send a request and give its answer to the permit; give what it failed with, if it is to be sent again."""
        if self._suspensions and self.machine.elapsed() >= self._suspensions[0].at:
            self.machine.suspend(self._suspensions.pop(0).suspend)
        attempts = self.outcome.attempts
        if len(attempts) == MOST_ATTEMPTS:
            raise HotLoop("holds nothing back")
        trip = self._trace[len(attempts)]
        self._in_flight += 1
        attempt = Attempt(route=route, sent=self.machine.elapsed(), in_flight=self._in_flight)
        attempts.append(attempt)
        try:
            await asyncio.sleep(trip.out)
            attempt.arrived = self.machine.elapsed()
            reply = self._api.arrive(attempt.arrived, route, trip)
            if reply:
                attempt.status, attempt.admitted, attempt.refused = reply.status, reply.admitted, reply.refused
                attempt.cost = reply.cost
            await asyncio.sleep(trip.back + (reply.delay if reply else 0.0))
        finally:
            self._in_flight -= 1
        if reply is None:
            return NetworkError("connection reset")
        attempt.answered = self.machine.elapsed()
        answer = self._answer(reply)
        attempt.taken_for_refusal = self._classify(answer) if self._classify else reply.refused
        if attempt.taken_for_refusal:
            permit.refused(answer)
            return RateLimited("refused", headers=answer.headers)
        permit.answered(answer)
        return ServerError(f"{reply.status}") if reply.status >= 500 else None

    def _answer(self, reply: Reply) -> Answer:
        received_us = int(self.machine.wall() * 1e6)
        return Answer(reply.status, reply.headers, reply.body, len(reply.body), received_us)


def play(
    make: Make,
    api: Callable[[], Api],
    *,
    trace: Trace,
    routes: Sequence[str],
    duration: float,
    seed: int,
    classify: Classify | None = None,
    happenings: Sequence[Happening] = (),
    oracle_routes: Sequence[str] | None = None,
) -> Outcome:
    """Play a limiter against a new API, and the omniscient client against another.

    Args:
        make: makes the limiter.
        api: makes an API, the same one each time.
        trace: of the network.
        routes: what each worker asks for.
        duration: seconds.
        seed: of the limiter's chance.
        classify: tells refusals from answers; the truth if absent.
        happenings: what befalls the client's side.
        oracle_routes: the omniscient client's workers, where it does better with fewer.
    """
    theirs = api()
    grants = best(theirs, trace, oracle_routes or routes, duration)

    async def main() -> Outcome:
        ours = api()
        run = _Play(ours, trace, classify, happenings)
        run.outcome.best, run.outcome.duration = grants, duration
        await run.run(make, routes, duration, Random(seed))
        theirs.ready(duration, routes[0], trace[0])  # so that the others' last requests are counted in both
        ours.ready(duration, routes[0], trace[0])
        run.outcome.by_neighbour = (ours.taken_by_neighbour, theirs.taken_by_neighbour)
        return run.outcome

    return loop.run(main())
