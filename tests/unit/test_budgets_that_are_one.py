"""Two budgets that turned out to be one."""

from __future__ import annotations

import pytest

from datasync.limits.pause import MARGIN
from tests.unit.test_route_budget import Route, day, minute


def test_budgets_that_are_one_count_each_others_requests_in_flight_and_settle_them_here() -> None:
    one, other = Route(), Route()
    for route in (one, other):
        route.ask(minute(8))
    mine, theirs = one.send(), other.send()
    one.budget.absorb(other.budget)
    assert other.budget.successor is one.budget
    ledger = one.bucket("minute")._ledger
    assert ledger.in_flight == 2
    one.ask(minute(7), sent=mine)
    one.ask(minute(6), sent=theirs)
    assert ledger.in_flight == 0
    assert one.budget._in_flight == 0
    assert ledger.used(one.now) == 4


def test_a_bucket_that_only_the_other_knew_goes_on_here() -> None:
    one, other = Route(), Route()
    other.ask(day(0))
    one.budget.absorb(other.budget)
    assert one.delay > 86_000


def test_a_pause_of_either_holds_both() -> None:
    one, other = Route(), Route()
    other.refuse(30.0)
    one.budget.absorb(other.budget)
    assert one.delay == pytest.approx(30 + MARGIN)
