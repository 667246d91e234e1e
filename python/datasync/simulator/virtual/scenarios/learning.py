"""A7, A11 to A16: what is told is late, partial, changing, shared or nothing, and has to be learned."""

from __future__ import annotations

from random import Random

from datasync.simulator.dialects import datasync, nothing, retry_after_only, tokens
from datasync.simulator.rules import (
    AlignedWindow,
    Allowance,
    AnchoredWindow,
    LeakyBucket,
    Nodes,
    SlidingLog,
)
from datasync.simulator.virtual.api import Api
from datasync.simulator.virtual.outcome import Outcome
from datasync.simulator.virtual.scenario import (
    HOUR,
    Scenario,
    Told,
    at_least,
    limited,
    lossless,
    lowest,
    one,
    per_thousand,
    refusals,
    worst,
)

_HALVES, _DOUBLES = 630.0, 1830.0
_PHASES = ((0.0, 300.0), (300.0, 600.0), (600.0, 900.0))
_LEARNT = 120.0


def _bursts(seed: int, limit: int = 60, window: float = 60.0) -> list[tuple[float, int]]:
    """Give what another client sends: of each window 0 to 90 %, half at its beginning, the rest in bursts."""
    draw = Random(seed)
    sent: list[tuple[float, int]] = []
    for index in range(int(HOUR / window)):
        share = round(limit * draw.choice([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]))
        first = share // 2
        sent.append((index * window, first))
        share -= first
        while share:
            burst = min(share, draw.randint(1, 9))
            busy = window / 6 if draw.random() < 0.5 else window  # half of them while we are likely to send too
            sent.append((index * window + draw.uniform(0, busy), burst))
            share -= burst
    return sorted(sent)


def _four_routes(_: int) -> Api:
    shared = SlidingLog(30, 60)
    return Api(
        {
            "/a": {"shared": shared},
            "/b": {"shared": shared},
            "/c": {"own": SlidingLog(10, 60)},
            "/d": {"daily": AnchoredWindow(200, 86_400)},
        },
        datasync,
    )


def _slowest(run: Outcome) -> list[float]:
    """Give the seconds to 90 % of the true rate in each phase."""
    return [run.reaches(*phase, span=10, share=0.9) for phase in _PHASES]


def _down(run: Outcome) -> float:
    return run.recovery(_HALVES, _DOUBLES, 60)


def _up(run: Outcome) -> float:
    return run.recovery(_DOUBLES, HOUR, 60)


SCENARIOS = (
    Scenario(
        key="A7",
        does="a currency: requests cost 1 to 50, known only from the answer; 6,000 per 60 s",
        ideal="≥ 95 %, ≤ 1 per 1,000",
        variants=one(lambda _: Api(limited(AnchoredWindow(6000, 60)), tokens)),
        duration=1800,
        cost=(1, 50),
        told=Told(235, 60),
        bars=(at_least(0.95), per_thousand(1)),
        lossless=lossless(60),
    ),
    Scenario(
        key="A11",
        does="Remaining told by 3 nodes in turn, up to 2 s stale; answers overtake each other; 30/60 s",
        ideal="≥ 97 %, 0",
        variants=one(lambda _: Api(limited(Nodes(SlidingLog(30, 60), 3, 2.0)))),
        back=(0.075, 0.9),
        told=Told(30, 60),
        bars=(at_least(0.97), refusals()),
        lossless=lossless(60, back=(0.075, 0.9)),
        compared=True,
    ),
    Scenario(
        key="A12",
        does="Retry-After only, 50/60 s",
        ideal="≤ 1 to learn, then ≥ 98 %",
        variants=one(lambda _: Api(limited(AnchoredWindow(50, 60)), retry_after_only)),
        told=Told(50, 60),
        bars=(
            worst("refusals to learn", lambda run: run.refused_between(0, _LEARNT), 1),
            worst("later, per window", lambda run: run.refused_between(_LEARNT) / ((HOUR - _LEARNT) / 60), 0.1),
            lowest("utilisation after", lambda run: run.share(_LEARNT, HOUR), 0.98),
        ),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A13",
        does="bare 429, no headers; 25/s, then 5/s, then 60/s",
        ideal="≤ 30 s to 90 % of each, ≤ 1 %",
        variants=one(
            lambda _: Api(limited(LeakyBucket(10, Allowance(25, (_PHASES[1][0], 5), (_PHASES[2][0], 60)))), nothing)
        ),
        duration=900,
        out=(0.02, 0.06),
        back=(0.02, 0.06),
        told=Told(25, 1),
        bars=(
            worst("s to 90 %", lambda run: max(_slowest(run)), 30),
            per_thousand(10),
        ),
        recovery=_slowest,
        lossless=1.0,
        compared=True,
    ),
    Scenario(
        key="A14",
        does="the limit halves in mid-window, later doubles: 40, 20, 40 per 60 s",
        ideal="≤ 1 window each, 0",
        variants=one(lambda _: Api(limited(AnchoredWindow(Allowance(40, (_HALVES, 20), (_DOUBLES, 40)), 60)))),
        told=Told(40, 60),
        bars=(worst("s down", _down, 60), worst("s up", _up, 60), refusals(), at_least(0.97)),
        recovery=lambda run: [_down(run), _up(run)],
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A15",
        does="another client takes 0 to 90 % of 60/60 s in bursts",
        ideal="≤ 1 %, of the total ≥ 97 %",
        variants=one(lambda seed: Api(limited(AlignedWindow(60, 60)), neighbour=_bursts(seed))),
        told=Told(60, 60),
        bars=(per_thousand(10), lowest("total use", lambda run: run.total_use, 0.97)),
        lossless=lossless(60),
        compared=True,
    ),
    Scenario(
        key="A16",
        does="four endpoints: two share 30/60 s, one has 10/60 s, one 200 a day; not documented",
        ideal="≥ 97 % of each, found which share",
        variants=one(_four_routes),
        routes=("/a", "/a", "/a", "/b", "/b", "/b", "/c", "/c", "/d", "/d"),
        told=Told(30, 60),
        bars=(
            lowest("of the shared", lambda run: run.share(0, HOUR, ("/a", "/b")), 0.97),
            lowest("of the separate", lambda run: run.share(0, HOUR, ("/c",)), 0.97),
            lowest("of the daily", lambda run: run.share(0, HOUR, ("/d",)), 0.97),
            # Taken for separate, the two that share would be refused in every window.
            per_thousand(10),
        ),
        lossless=lossless(60),
    ),
)
