"""A22 to A24, A28 to A30: failures, slowness, and what befalls the machine and the process."""

from __future__ import annotations

from datasync.simulator.rules import AnchoredWindow, SlidingLog
from datasync.simulator.virtual.api import Api, Fate
from datasync.simulator.virtual.driver import Happening
from datasync.simulator.virtual.outcome import Outcome
from datasync.simulator.virtual.scenario import (
    Scenario,
    Told,
    at_least,
    limited,
    lossless,
    lowest,
    one,
    refusals,
    worst,
)
from datasync.simulator.virtual.trace import Trip

_SICK_UNTIL = 300.0
_DOWN, _UP = 600.0, 1200.0
_SIGNAL = 30.0


def _sick(now: float, trip: Trip) -> Fate:
    return Fate(status=503 if now < _SICK_UNTIL and trip.luck < 0.3 else 200)


def _outage(now: float, _: Trip) -> Fate:
    if not _DOWN <= now < _UP:
        return Fate()
    return Fate(lost=True) if now < (_DOWN + _UP) / 2 else Fate(status=502, counted=False)


def _tried_in_outage(run: Outcome) -> float:
    """Count what was sent once the outage could be known, for each 30 s."""
    return run.sent_between(_DOWN + 1, _UP - 1) / ((_UP - _DOWN) / 30)


def _back_to_full(run: Outcome) -> float:
    """Give the seconds from the first success after the outage to 95 % of the budget."""
    first = min((grant.at for grant in run.grants if grant.at >= _UP), default=float("inf"))
    return run.recovery(first, run.duration, 60) if first < run.duration else float("inf")


def _drip(_: float, trip: Trip) -> Fate:
    return Fate(drip=60.0 if trip.luck < 0.02 else 0.0)


def _exit(run: Outcome) -> float:
    return float("inf") if run.stopped_at is None else run.stopped_at - _SIGNAL


SCENARIOS = (
    Scenario(
        key="A22",
        does="3 in 10 answers are 503 for 5 min, then all is well; 600/60 s",
        ideal="≤ 1.10 sent for one, ≤ 1 window",
        variants=one(lambda _: Api(limited(SlidingLog(600, 60)), fate=_sick)),
        duration=1800,
        told=Told(600, 60),
        bars=(
            worst("sent for one", lambda run: run.amplification, 1.10),
            worst("s to recover", lambda run: run.recovery(_SICK_UNTIL, 1800, 60), 60),
            refusals(),
        ),
        recovery=lambda run: [run.recovery(_SICK_UNTIL, 1800, 60)],
        lossless=lossless(60),
    ),
    Scenario(
        key="A23",
        does="nothing works for 10 min: resets, then 502 pages",
        ideal="≤ 1 sent in 30 s",
        variants=one(lambda _: Api(limited(SlidingLog(60, 60)), fate=_outage)),
        duration=2400,
        told=Told(60, 60),
        bars=(worst("sent in 30 s", _tried_in_outage, 1), worst("s to recover", _back_to_full, 60), refusals()),
        recovery=lambda run: [_back_to_full(run)],
        lossless=lossless(60),
    ),
    Scenario(
        key="A24",
        does="answers take 20 times as long with more than 8 in flight",
        ideal="stays at ≤ 8",
        variants=one(lambda _: Api(limited(SlidingLog(20_000, 60)), service=lambda busy: 2.0 if busy >= 8 else 0.1)),
        duration=600,
        routes=("",) * 20,
        oracle_routes=("",) * 8,
        out=(0.005, 0.01),
        back=(0.005, 0.01),
        told=Told(20_000, 60),
        bars=(worst("in flight (95 %)", lambda run: run.in_flight(60), 8), at_least(0.75)),
    ),
    Scenario(
        key="A28",
        does="the machine is suspended for 10 min between a permit and its request",
        ideal="0",
        variants=one(lambda _: Api(limited(AnchoredWindow(10, 60))), Happening(600, suspend=600)),
        bars=(refusals(), lowest("utilisation after", lambda run: run.share(1260, 3600), 0.97)),
        lossless=lossless(60),
    ),
    Scenario(
        key="A29",
        does="1 in 50 bodies drips for 60 s",
        ideal="counted once, others go on",
        variants=one(lambda _: Api(limited(SlidingLog(10, 60)), fate=_drip)),
        bars=(refusals(), at_least(0.97)),
        lossless=lossless(60),
    ),
    Scenario(
        key="A30",
        does="a signal while 200 tasks wait",
        ideal="≤ 1 s, 0 sent after it",
        variants=one(lambda _: Api(limited(SlidingLog(10, 60))), Happening(_SIGNAL, stop=True)),
        duration=120,
        routes=("",) * 200,
        utilised=False,
        bars=(
            worst("s to exit", _exit, 1),
            worst("sent after it", lambda run: run.sent_between(_SIGNAL), 0),
            worst("crashes", lambda run: len(run.crashes), 0),
        ),
    ),
)
