"""Who takes part in `make bench-limits`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

from benches.limiters import Obedient, SeedRules, even_spacing, send_log, token_bucket
from datasync.config.schema import SlotSettings
from datasync.http.transport import Answer
from datasync.limits.concurrency import Slots
from datasync.limits.governor import Governor
from datasync.limits.ledger import Ledger
from datasync.limits.refusal import is_limit_signal
from datasync.model import RunStats
from datasync.simulator.virtual.driver import Classify
from datasync.simulator.virtual.limiter import Limiter, Make, Permit, Wait
from datasync.simulator.virtual.scenario import Told

Clock = Callable[[], float]


class Contestant(NamedTuple):
    """A limiter by name.

    Attributes:
        make: gives its maker; the libraries among them are told the limit.
        classify: how it tells a refusal, None where it is told.
    """

    name: str
    make: Callable[[Told], Make]
    classify: Classify | None = None


class _Ours:
    """Gives the governor the shape that scenarios drive."""

    def __init__(self, clock: Clock, wait: Wait) -> None:
        self._governor = Governor(Slots(SlotSettings()), Ledger(clock), RunStats(), wait)

    @asynccontextmanager
    async def permit(self, route: str = "") -> AsyncIterator[Permit]:  # noqa: ARG002
        async with self._governor.permit():
            yield self

    def answered(self, answer: Answer) -> None:
        self._governor.answered(answer.headers)

    def refused(self, answer: Answer) -> None:
        self._governor.refused(answer.headers)


def ours(clock: Clock, wall: Clock, wait: Wait, chance: Random) -> Limiter:  # noqa: ARG001
    """Make the limiter that `datasync ingest` uses."""
    return _Ours(clock, wait)


def is_refusal(answer: Answer) -> bool:
    """Tell a refusal as `datasync ingest` does."""
    return is_limit_signal(answer.status, answer.headers, answer.body)


def _obedient(acquire: Callable[[Told], Callable[[], object]]) -> Callable[[Told], Make]:
    return lambda told: lambda clock, _wall, wait, _chance: Obedient(acquire(told), clock, wait)  # type: ignore[arg-type]


OURS = Contestant("datasync", lambda _: ours, is_refusal)

OTHERS = (
    Contestant("token bucket (aiolimiter)", _obedient(token_bucket)),
    Contestant("even spacing (aiolimiter)", _obedient(even_spacing)),
    Contestant("send-time log (pyrate-limiter)", _obedient(send_log)),
    Contestant("seed's rules", lambda _: lambda clock, _wall, wait, _chance: SeedRules(clock, wait)),
)
