"""Who takes part in `make bench-limits`."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from benches.limiters import Obedient, SeedRules, even_spacing, send_log, token_bucket
from datasync.config.schema import LimitSettings, SlotSettings
from datasync.http.transport import Answer
from datasync.limits.concurrency import AdaptiveSlots
from datasync.limits.governor import Governor
from datasync.limits.refusal import is_limit_signal
from datasync.simulator.virtual.driver import Classify
from datasync.simulator.virtual.limiter import Limiter, Make, Wait
from datasync.simulator.virtual.scenario import Told
from datasync.stats import RunStats

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


def ours(clock: Clock, wall: Clock, wait: Wait, chance: Random) -> Limiter:
    """Make the limiter that `datasync ingest` uses."""
    return Governor(
        AdaptiveSlots(SlotSettings()),
        RunStats(),
        wait,
        max_wait=LimitSettings().max_wait,
        clock=clock,
        wall=wall,
        chance=chance,
    )


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
