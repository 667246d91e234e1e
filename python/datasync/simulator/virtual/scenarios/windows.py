"""A1 to A6, A8 to A10, A25 to A27: the limit is told; what differs is how it counts and how it is told."""

from __future__ import annotations

from random import Random

from datasync.simulator.dialects import (
    ENCODINGS,
    Dialect,
    datasync,
    delta_floor,
    structured,
    trio,
    used_of_limit,
)
from datasync.simulator.rules import AlignedWindow, AnchoredWindow, LeakyBucket, Rule, SlidingCounter, SlidingLog
from datasync.simulator.virtual.api import Api, Fate
from datasync.simulator.virtual.clock import EPOCH, ServerClock
from datasync.simulator.virtual.driver import Happening
from datasync.simulator.virtual.outcome import Outcome
from datasync.simulator.virtual.scenario import (
    HOUR,
    Bar,
    Outcomes,
    Scenario,
    Told,
    Variant,
    at_least,
    limited,
    lossless,
    one,
    refusals,
    worst,
)
from datasync.simulator.virtual.trace import Trip

_DAY = 86_400.0


def _sliding(dialect: Dialect = datasync, clock: ServerClock | None = None) -> Api:
    return Api(limited(SlidingLog(10, 60)), dialect, clock=clock)


def _daily(_: int) -> Api:
    rules: dict[str, Rule] = {"burst": SlidingLog(150, 10), "daily": AnchoredWindow(1000, _DAY)}
    return Api({"": rules}, structured)


def _paused_wrongly(run: Outcome) -> float:
    """Give the seconds between the day's true end and the one that was told."""
    if run.resumes_at is None:
        return float("inf")
    return abs(run.resumes_at - (EPOCH + run.grants[0].at + _DAY))


def _spread(runs: Outcomes) -> float:
    """Give the largest difference of utilisation between variants on one trace."""
    by_seed: dict[int, list[float]] = {}
    for (_, seed), run in runs.items():
        by_seed.setdefault(seed, []).append(run.utilisation)
    return max(max(shares) - min(shares) for shares in by_seed.values())


def _spelt(encoding: str) -> Variant:
    return Variant(lambda _: _sliding(trio(ENCODINGS[encoding])))


def _clocked(skew: float, drift: float, *steps: Happening) -> Variant:
    dialect = trio(ENCODINGS["epoch s"], ENCODINGS["HTTP-date"])
    return Variant(lambda _: _sliding(dialect, ServerClock(skew, drift)), steps)


def _cached(_: float, trip: Trip) -> Fate:
    return Fate(cached=trip.luck < 0.3)


def _failing(_: float, trip: Trip) -> Fate:
    if trip.luck < 0.1:
        return Fate(status=404, cost=2)
    return Fate(status=500) if trip.luck < 0.2 else Fate()


SCENARIOS = (
    Scenario(
        key="A1",
        does="fixed window opened by the first request, 10/60 s",
        ideal="≥ 99 %, 0",
        variants=one(lambda _: Api(limited(AnchoredWindow(10, 60)))),
        bars=(at_least(0.99), refusals()),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A2",
        does="clock-aligned window, the client starts in its middle",
        ideal="≥ 99 %, 0",
        variants=one(lambda seed: Api(limited(AlignedWindow(10, 60, offset=Random(seed).uniform(25, 35))))),
        bars=(at_least(0.99), refusals()),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A3",
        does="sliding log, 10/60 s, for an hour",
        ideal="≥ 99.5 %, 0",
        variants=one(lambda _: _sliding()),
        bars=(at_least(0.99), refusals()),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A4",
        does="sliding-window counter, two weighted counts, 10/60 s",
        ideal="≥ 97 %, 0",
        variants=one(lambda _: Api(limited(SlidingCounter(10, 60)))),
        bars=(at_least(0.97), refusals()),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A5",
        does="150 per 10 s sliding, and 1,000 a day that run out",
        ideal="98 %, 0, ends and tells until when",
        variants=one(_daily),
        duration=300,
        told=Told(150, 10),
        bars=(at_least(0.98), refusals(), worst("told until, s off", _paused_wrongly, 5)),
        lossless=lossless(10),
    ),
    Scenario(
        key="A6",
        does="leaky bucket 40, 2/s, told as used/limit only",
        ideal="≥ 98 %, 0",
        variants=one(lambda _: Api(limited(LeakyBucket(40, 2)), used_of_limit)),
        duration=1200,
        told=Told(40, 20),
        bars=(at_least(0.98), refusals()),
        lossless=1.0,
        compared=True,
    ),
    Scenario(
        key="A8",
        does="sliding log, Reset in six encodings under the same names",
        ideal="≥ 99 %, 0, all the same",
        variants={name: _spelt(name) for name in ENCODINGS if name != "delta s"},
        bars=(at_least(0.99), refusals(), Bar("spread of utilisation", _spread, most=0.0, percent=True)),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A9",
        does="server clock an hour off, drifting 200 ppm; the local clock stepped",
        ideal="unchanged",
        variants={
            "in step": _clocked(0, 0),
            "an hour ahead": _clocked(HOUR, 0),
            "an hour behind": _clocked(-HOUR, 0),
            "fast": _clocked(HOUR, 2e-4),
            "slow": _clocked(-HOUR, -2e-4),
            "stepped": _clocked(0, 0, Happening(900, step=-1800), Happening(2000, step=5400)),
        },
        bars=(at_least(0.99), refusals(), Bar("spread of utilisation", _spread, most=0.002, percent=True)),
        lossless=lossless(60),
    ),
    Scenario(
        key="A10",
        does="Reset rounded down, `Retry-After: 0` at the edge",
        ideal="≤ 1 in total",
        variants=one(lambda _: Api(limited(AnchoredWindow(10, 60)), trio(delta_floor, delta_floor))),
        bars=(refusals(1), at_least(0.97)),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A25",
        does="3 in 10 answers from a cache, with quota headers of 25 s ago",
        ideal="0",
        variants=one(lambda _: Api(limited(SlidingLog(10, 60)), fate=_cached)),
        bars=(refusals(),),
        lossless=lossless(60),
    ),
    Scenario(
        key="A26",
        does="failed requests count, 404 counts double",
        ideal="0",
        variants=one(lambda _: Api(limited(SlidingLog(30, 60)), fate=_failing)),
        told=Told(30, 60),
        bars=(refusals(),),
        lossless=lossless(60),
    ),
    Scenario(
        key="A27",
        does="5 in sliding windows of 1 s, round trips of 0.15 to 0.45 s",
        ideal="≥ 95 % of W/(W+J) at 0",
        variants=one(lambda _: Api(limited(SlidingLog(5, 1)))),
        duration=600,
        told=Told(5, 1),
        bars=(at_least(0.95 * lossless(1)), refusals()),
        lossless=lossless(1),
        compared=True,
    ),
)
