"""The scenarios by key, A1 to A30 without A17, which needs processes and a database and is measured by its own test."""

from datasync.simulator.virtual.scenario import Scenario
from datasync.simulator.virtual.scenarios import faults, learning, signals, windows

SCENARIOS: dict[str, Scenario] = {
    scenario.key: scenario
    for scenario in sorted(
        (*windows.SCENARIOS, *learning.SCENARIOS, *signals.SCENARIOS, *faults.SCENARIOS),
        key=lambda scenario: int(scenario.key[1:]),
    )
}
