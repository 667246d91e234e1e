"""The limiter against the scenarios of a simulated API, A1 to A30 without A17, by their bars, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

import msgspec
import pytest
import structlog

from benches.contestants import OURS
from datasync.simulator.virtual.limiter import Limiter, Permit, Wait
from datasync.simulator.virtual.scenario import Outcomes, Scenario
from datasync.simulator.virtual.scenarios import SCENARIOS
from tests.unit.test_virtual_time import Unbridled

SHORT = {"A8": 1800.0, "A9": 1800.0, "A19": 400.0, "A21": 900.0, "A22": 700.0, "A24": 200.0}
"""Seconds, where the rest of the scenario only repeats what went before and takes long to play."""


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """A wait is worth a line where time is real."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


def missed(scenario: Scenario, runs: Outcomes) -> dict[str, float]:
    values = {bar.name: (bar, bar.measure(runs)) for bar in scenario.bars}
    return {name: value for name, (bar, value) in values.items() if not bar.holds(value)}


@pytest.mark.parametrize("key", SCENARIOS)
def test_the_limiter_holds_every_bar_of_the_scenario(key: str) -> None:
    scenario = SCENARIOS[key]
    scenario = msgspec.structs.replace(scenario, duration=SHORT.get(key, scenario.duration))
    runs = scenario.play(OURS.make(scenario.told), classify=OURS.classify)
    assert not missed(scenario, runs)


def test_a_limiter_that_is_deaf_to_the_signal_fails_the_scenario_of_the_shutdown() -> None:
    class Deaf(Unbridled):
        @asynccontextmanager
        async def permit(self, route: str = "") -> AsyncIterator[Permit]:  # noqa: ARG002
            await asyncio.sleep(60)
            yield self

    runs = SCENARIOS["A30"].play(lambda clock, wall, wait, _: Deaf(clock, wall, wait))
    assert set(missed(SCENARIOS["A30"], runs)) == {"s to exit", "sent after it"}


@pytest.mark.parametrize("key", [key for key in SCENARIOS if key != "A30"])
def test_a_limiter_that_holds_nothing_back_fails_the_scenario(key: str) -> None:
    def unbridled(clock: object, wall: object, wait: Wait, _: Random) -> Limiter:
        return Unbridled(clock, wall, wait)  # type: ignore[arg-type]

    scenario = msgspec.structs.replace(SCENARIOS[key], duration=min(SCENARIOS[key].duration, 120.0))
    if key in {"A23", "A28"}:  # what befalls it comes late
        scenario = msgspec.structs.replace(scenario, duration=700.0)
    assert missed(scenario, scenario.play(unbridled, classify=lambda answer: answer.status == 429))


def test_every_scenario_but_the_one_of_processes_is_there() -> None:
    assert list(SCENARIOS) == [f"A{number}" for number in range(1, 31) if number != 17]
