"""The catalogue of faults is whole: each has a test, or a reason why it can't be had here."""

import pytest

from tests.faults import catalogue

LISTED = catalogue.load()
MARKED = catalogue.marked()


def test_the_catalogue_names_seventy_faults() -> None:
    assert list(LISTED.faults) == list(range(1, 71))
    assert all(LISTED.faults.values())


@pytest.mark.parametrize("fault", LISTED.faults)
def test_every_fault_has_either_a_test_or_a_reason(fault: int) -> None:
    has = [fault in MARKED, bool(LISTED.reasons.get(fault)), fault in LISTED.pending]
    assert sum(has) == 1, "a test, a reason, or pending: one of them"


def test_no_test_shows_a_fault_that_is_not_listed() -> None:
    assert MARKED.keys() <= LISTED.faults.keys()
