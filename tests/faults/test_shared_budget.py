"""Four processes share one key's budget over sockets, and one is killed while it holds leases."""

from benches.shared import measure_shared
from tests.support import Database


def test_four_processes_use_one_budget_up_without_a_refusal_and_survive_the_death_of_one(database: Database) -> None:
    figures = measure_shared(database.dsn)
    assert figures.refusals == 0
    assert figures.held_at_death > 0
    assert figures.utilisation >= 0.97
    assert figures.jain >= 0.99
    assert figures.recovery <= 1
    assert figures.lease <= 1
