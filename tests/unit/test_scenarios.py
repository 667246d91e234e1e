"""The limiter against the scenarios of a simulated API, A1 to A30, by their bars. All in virtual time."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from benches.contestants import OURS
from datasync.simulator.virtual.limiter import Limiter, Wait
from datasync.simulator.virtual.scenario import Outcomes, Scenario
from datasync.simulator.virtual.scenarios import SCENARIOS
from tests.unit.test_virtual_time import Unbridled


def missed(scenario: Scenario, runs: Outcomes) -> dict[str, float]:
    values = {bar.name: (bar, bar.measure(runs)) for bar in scenario.bars}
    return {name: value for name, (bar, value) in values.items() if not bar.holds(value)}


@pytest.mark.parametrize("key", SCENARIOS)
def test_the_limiter_holds_every_bar_of_the_scenario(key: str) -> None:
    scenario = SCENARIOS[key]
    runs = scenario.play(OURS.make(scenario.told), classify=OURS.classify)
    assert not missed(scenario, runs)


@pytest.mark.parametrize("key", SCENARIOS)
def test_a_limiter_that_holds_nothing_back_fails_the_scenario(key: str) -> None:
    def unbridled(clock: object, wall: object, wait: Wait, _: Random) -> Limiter:
        return Unbridled(clock, wall, wait)  # type: ignore[arg-type]

    scenario = msgspec.structs.replace(SCENARIOS[key], duration=min(SCENARIOS[key].duration, 120.0))
    if key in {"A23", "A28"}:  # what befalls it comes late
        scenario = msgspec.structs.replace(scenario, duration=700.0)
    assert missed(scenario, scenario.play(unbridled, classify=lambda answer: answer.status == 429))


def test_every_scenario_but_the_one_of_processes_is_there() -> None:
    assert list(SCENARIOS) == [f"A{number}" for number in range(1, 31) if number != 17]
