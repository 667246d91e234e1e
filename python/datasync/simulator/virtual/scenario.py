"""A scenario: an API, the work, and the bars that a limiter is measured by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from datasync.simulator.rules import Rule
from datasync.simulator.virtual.api import Api
from datasync.simulator.virtual.driver import Classify, Happening, play
from datasync.simulator.virtual.limiter import Make
from datasync.simulator.virtual.outcome import Outcome
from datasync.simulator.virtual.trace import Span, Trace

HALF_WAY: Span = (0.075, 0.225)
"""Seconds one way, so that a round trip takes 0.15 to 0.45."""

HOUR = 3600.0

Outcomes: TypeAlias = Mapping[tuple[str, int], Outcome]
"""By variant and seed."""


class Variant(NamedTuple):
    """One form of a scenario.

    Attributes:
        api: makes the API from a seed.
        happenings: what befalls the client's side.
    """

    api: Callable[[int], Api]
    happenings: tuple[Happening, ...] = ()


class Bar(NamedTuple):
    """A figure and what it must reach.

    Attributes:
        percent: how to print it.
    """

    name: str
    measure: Callable[[Outcomes], float]
    least: float = -math.inf
    most: float = math.inf
    percent: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether a value is within the bounds."""
        return self.least <= value <= self.most


class Told(NamedTuple):
    """What a limiter that knows only numbers is configured with: the true limit in the beginning."""

    limit: int
    window: float


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    Attributes:
        does: what the API does.
        ideal: what an omniscient client scores, in words.
        variants: by name.
        duration: seconds.
        routes: what each worker asks for, one a worker.
        oracle_routes: the omniscient client's workers, where it does better with fewer.
        out: seconds from the client to the server.
        back: seconds back.
        cost: units that a request takes, from and to.
        told: configures limiters that read no headers.
        lossless: the share of the ceiling that is left where delays are unknown and no request may be refused.
        bars: what is judged.
        recovery: the seconds to recover, where that is asked.
        compared: other limiters are measured too.
        utilised: utilisation says something; not where the work is ended, or the headers are nonsense.
    """

    key: str
    does: str
    ideal: str
    variants: Mapping[str, Variant]
    bars: tuple[Bar, ...]
    duration: float = HOUR
    routes: tuple[str, ...] = ("",) * 10
    oracle_routes: tuple[str, ...] | None = None
    out: Span = HALF_WAY
    back: Span = HALF_WAY
    cost: tuple[int, int] = (1, 1)
    told: Told = Told(10, 60.0)
    lossless: float | None = None
    recovery: Callable[[Outcome], Sequence[float]] | None = None
    compared: bool = False
    utilised: bool = True

    def play(self, make: Make, *, seeds: Sequence[int] = (1,), classify: Classify | None = None) -> Outcomes:
        """Play every variant with every seed; `classify` tells refusals, the truth if absent."""
        return {
            (name, seed): play(
                make,
                lambda variant=variant, seed=seed: variant.api(seed),  # type: ignore[misc]
                trace=Trace(seed, self.out, self.back, self.cost),
                routes=self.routes,
                oracle_routes=self.oracle_routes,
                duration=self.duration,
                seed=seed,
                classify=classify,
                happenings=variant.happenings,
            )
            for name, variant in self.variants.items()
            for seed in seeds
        }


def one(api: Callable[[int], Api], *happenings: Happening) -> dict[str, Variant]:
    """Give the only variant."""
    return {"": Variant(api, happenings)}


def limited(rule: Rule) -> dict[str, dict[str, Rule]]:
    """Give the routes of an API that has one limit for all."""
    return {"": {"requests": rule}}


def lossless(window: float, out: Span = HALF_WAY, back: Span = HALF_WAY) -> float:
    """Give W/(W+J): a slot's next use is put off by how much its delays may exceed the least, both ways."""
    jitter = sum(out) / 2 - out[0] + sum(back) / 2 - back[0]
    return window / (window + jitter)


def at_least(share: float) -> Bar:
    """Judge the lowest utilisation."""
    return Bar("utilisation", lambda runs: min(run.utilisation for run in runs.values()), least=share, percent=True)


def refusals(most: int = 0) -> Bar:
    """Judge the refusals of the worst run."""
    return Bar("refusals", lambda runs: max(run.refusals for run in runs.values()), most=most)


def per_thousand(most: float) -> Bar:
    """Judge the refusals for 1,000 accepted of the worst run."""
    return Bar("refusals per 1,000", lambda runs: max(run.per_thousand for run in runs.values()), most=most)


def worst(name: str, measure: Callable[[Outcome], float], most: float) -> Bar:
    """Judge the largest value of a figure."""
    return Bar(name, lambda runs: max(measure(run) for run in runs.values()), most=most)


def lowest(name: str, measure: Callable[[Outcome], float], least: float, *, percent: bool = True) -> Bar:
    """Judge the smallest value of a figure."""
    return Bar(name, lambda runs: min(measure(run) for run in runs.values()), least=least, percent=percent)
