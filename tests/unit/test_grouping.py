"""Which routes share a budget, by servers that keep one or several."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benches.contestants import OURS
from datasync.limits.grouping import ENOUGH, Grouping
from datasync.simulator.rules import AlignedWindow, AnchoredWindow, Rule, SlidingLog
from datasync.simulator.virtual.api import Api
from datasync.simulator.virtual.outcome import Outcome
from datasync.simulator.virtual.scenario import one
from datasync.simulator.virtual.scenarios import SCENARIOS

LIMIT, WINDOW = 30, 60.0


def saw(grouping: Grouping, route: str, now: float, limit: float, remaining: float, began: float = -1e9) -> bool:
    return grouping.saw(
        route, now, limit=limit, remaining=remaining, window=WINDOW, began=max(began, now - WINDOW), in_flight=0
    )


class Played:
    """Requests on routes at random, each let in by its rule, all told to the grouping.

    Attributes:
        changes: after how many answers groups changed.
    """

    def __init__(self, rules: Mapping[str, Rule], seed: int, answers: int = 600) -> None:
        self.grouping = Grouping()
        self.changes: list[int] = []
        draw, now = Random(seed), 0.0
        for number in range(answers):
            now += draw.uniform(0.1, 2.0 * WINDOW / LIMIT)
            route = draw.choice(sorted(rules))
            rule = rules[route]
            if not rule.admits(now):
                continue
            rule.take(now)
            standing = rule.standing(now)
            if saw(self.grouping, route, now, standing.limit, standing.remaining, now + standing.reset - WINDOW):
                self.changes.append(number)

    def groups(self, routes: str) -> set[frozenset[str]]:
        return {self.grouping.group(route) for route in routes}


@pytest.mark.parametrize("kind", [SlidingLog, AnchoredWindow])
@pytest.mark.parametrize("seed", range(10))
def test_routes_of_one_budget_are_taken_together(kind: type[SlidingLog], seed: int) -> None:
    shared = kind(LIMIT, WINDOW)
    played = Played({"a": shared, "b": shared}, seed)
    assert played.groups("ab") == {frozenset("ab")}
    assert played.changes[0] < 200


@pytest.mark.parametrize("kind", [SlidingLog, AnchoredWindow])
@pytest.mark.parametrize("seed", range(10))
def test_routes_with_budgets_of_their_own_stay_apart(kind: type[SlidingLog], seed: int) -> None:
    played = Played({route: kind(LIMIT, WINDOW) for route in "abc"}, seed)
    assert played.groups("abc") == {frozenset(route) for route in "abc"}
    assert not played.changes


@pytest.mark.parametrize("seed", range(10))
def test_three_routes_of_one_budget_become_one_group_beside_one_that_is_not_of_it(seed: int) -> None:
    shared = SlidingLog(LIMIT, WINDOW)
    played = Played({"a": shared, "b": shared, "c": shared, "d": SlidingLog(LIMIT, WINDOW)}, seed, answers=2000)
    assert played.groups("abcd") == {frozenset("abc"), frozenset("d")}


def test_budgets_with_different_limits_are_not_one() -> None:
    grouping = Grouping()
    for number in range(100):
        route, limit = ("a", 10.0) if number % 2 else ("b", 20.0)
        assert not saw(grouping, route, float(number), limit, 0)


def beside(of_other: int, in_flight: int) -> bool:
    """Two windows in which one route's answers tell that another's requests were on its budget."""
    grouping, changed = Grouping(), False
    for window in range(2):
        now = 2 * WINDOW * window
        for number in range(of_other):
            saw(grouping, "b", now + number / 100, LIMIT, LIMIT - number - 1)
        changed |= grouping.saw(
            "a",
            now + 1,
            limit=LIMIT,
            remaining=LIMIT - of_other - 1,
            window=WINDOW,
            began=now - 1,
            in_flight=in_flight,
        )
    return changed


def test_nothing_is_judged_by_a_handful_of_requests() -> None:
    assert not beside(ENOUGH - 1, in_flight=0)
    assert beside(ENOUGH, in_flight=0)


def test_nothing_is_judged_while_as_many_are_in_flight_as_would_be_judged_by() -> None:
    assert not beside(10, in_flight=5)
    assert beside(11, in_flight=5)


def test_a_window_is_one_sign_however_many_answers_tell_of_it() -> None:
    grouping = Grouping()
    for number in range(10):
        saw(grouping, "b", number / 100, LIMIT, LIMIT - number - 1)
    for number in range(10):
        assert not saw(grouping, "a", 1 + number / 100, LIMIT, LIMIT - 11 - number, -1.0)


def test_what_a_third_route_may_have_used_is_no_sign_for_either() -> None:
    grouping = Grouping()
    for window in range(20):
        now = 2 * WINDOW * window
        for number in range(10):
            saw(grouping, "b", now + number / 100, LIMIT, LIMIT - number - 1)
        # Six tenths of what the other one used are used besides our own.
        assert not saw(grouping, "a", now + 1, LIMIT, LIMIT - 7, now - 1)
    assert not grouping._signs


def rounds(grouping: Grouping, window: int, *, shared: bool) -> bool:
    """One window of ten requests on each of two routes; both use one budget, or each its own."""
    changed = False
    for request in range(10):
        now = window * 2 * WINDOW + request
        for place, route in enumerate("ab"):
            used = 2 * request + place + 1 if shared else request + 1
            changed |= saw(grouping, route, now, LIMIT, LIMIT - used)
    return changed


def test_routes_are_taken_apart_again_when_they_turn_out_not_to_share() -> None:
    grouping = Grouping()
    for window in range(10):
        rounds(grouping, window, shared=True)
    assert grouping.group("a") == grouping.group("b") == frozenset("ab")
    for window in range(10, 13):  # however long they were together
        rounds(grouping, window, shared=False)
    assert grouping.group("a") == frozenset("a")
    assert grouping.group("b") == frozenset("b")


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.floats(0, 100), st.sampled_from([5.0, 10.0]), st.floats(0, 1e12)),
        max_size=300,
    )
)
def test_groups_are_a_partition_of_the_routes_whatever_is_told(
    told: list[tuple[str, float, float, float]],
) -> None:
    grouping, now = Grouping(), 0.0
    for route, pause, limit, remaining in told:
        now += pause
        saw(grouping, route, now, limit, remaining)
        for each in "abcd":
            group = grouping.group(each)
            assert each in group
            assert all(grouping.group(mate) == group for mate in group)


def governed(kind: type[SlidingLog], budgets: str) -> Outcome:
    """Half an hour of the whole limiter: three routes, each on the budget of its letter."""

    def api(_: int) -> Api:
        rules = {letter: kind(LIMIT, WINDOW) for letter in budgets}
        return Api({route: {"": rules[letter]} for route, letter in zip("abc", budgets, strict=True)})

    scenario = msgspec.structs.replace(SCENARIOS["A16"], variants=one(api), routes=tuple("aaabbbccc"), duration=1800.0)
    (outcome,) = scenario.play(OURS.make(scenario.told), classify=OURS.classify).values()
    return outcome


@pytest.mark.parametrize("kind", [SlidingLog, AnchoredWindow, AlignedWindow])
@pytest.mark.parametrize("budgets", ["xxx", "xxy", "xyz"])
def test_routes_use_all_of_what_they_have_together_and_are_refused_only_until_that_is_known(
    kind: type[SlidingLog], budgets: str
) -> None:
    outcome = governed(kind, budgets)
    assert outcome.utilisation >= 0.98
    assert outcome.refusals <= {"xxx": 10, "xxy": 2, "xyz": 0}[budgets]
    assert outcome.refused_between(600) == 0
    assert not outcome.crashes


def test_a_route_of_short_windows_costs_the_others_none_of_what_is_known_of_them() -> None:
    grouping = Grouping()
    changed = False
    for number in range(40):
        now = number * 2.0
        used = 2 * number % 60 + 1
        saw(grouping, "a", now, 100, 100 - used, began=0.0)
        changed |= saw(grouping, "b", now + 0.1, 100, 100 - used - 1, began=0.0)
        grouping.saw("brief", now + 0.2, limit=5, remaining=4, window=1.0, began=now, in_flight=0)
    assert changed
