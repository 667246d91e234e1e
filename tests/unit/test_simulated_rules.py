"""The simulated limits against brute force: never more than the limit in any window of the kind, never less."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.simulator.rules import (
    AlignedWindow,
    Allowance,
    AnchoredWindow,
    Concurrency,
    LeakyBucket,
    Nodes,
    PenaltyBox,
    Rule,
    SlidingCounter,
    SlidingLog,
)

LIMIT, WINDOW = 5, 8.0
# Eighths of a second, so that sums are exact.
ARRIVALS = st.lists(
    st.tuples(st.integers(0, 24).map(lambda eighths: eighths / 8), st.integers(1, 3)), min_size=1, max_size=60
).map(lambda gaps: [(when, cost) for when, (_, cost) in zip(accumulate(gap for gap, _ in gaps), gaps, strict=True)])

KINDS: dict[str, Callable[[], Rule]] = {
    "sliding": lambda: SlidingLog(LIMIT, WINDOW),
    "anchored": lambda: AnchoredWindow(LIMIT, WINDOW),
    "aligned": lambda: AlignedWindow(LIMIT, WINDOW, offset=3.0),
    "counter": lambda: SlidingCounter(LIMIT, WINDOW),
    "bucket": lambda: LeakyBucket(LIMIT, 0.5),
    "changing": lambda: SlidingLog(Allowance(LIMIT, (10.0, 2), (30.0, 7)), WINDOW),
    "penalty": lambda: PenaltyBox(LIMIT, WINDOW, 4.0),
    "nodes": lambda: Nodes(SlidingLog(LIMIT, WINDOW), 3, 2.0),
}


def grants(rule: Rule, arrivals: list[tuple[float, int]]) -> list[tuple[float, int, bool]]:
    judged = []
    for when, cost in arrivals:
        admitted = rule.admits(when, cost)
        if admitted:
            rule.take(when, cost)
        else:
            rule.refused(when, cost)
        judged.append((when, cost, admitted))
    return judged


def admitted_before(judged: list[tuple[float, int, bool]], index: int) -> list[tuple[float, int]]:
    return [(when, cost) for when, cost, admitted in judged[:index] if admitted]


@given(ARRIVALS)
def test_a_sliding_log_grants_what_fits_into_every_window_and_no_less(arrivals: list[tuple[float, int]]) -> None:
    judged = grants(SlidingLog(LIMIT, WINDOW), arrivals)
    for index, (now, cost, admitted) in enumerate(judged):
        used = sum(size for when, size in admitted_before(judged, index) if when > now - WINDOW)
        assert admitted == (used + cost <= LIMIT)


@given(ARRIVALS)
def test_an_aligned_window_grants_the_limit_between_two_ticks_of_its_clock(arrivals: list[tuple[float, int]]) -> None:
    judged = grants(AlignedWindow(LIMIT, WINDOW, offset=3.0), arrivals)
    for index, (now, cost, admitted) in enumerate(judged):
        tick = math.floor((now - 3.0) / WINDOW)
        before = admitted_before(judged, index)
        used = sum(size for when, size in before if math.floor((when - 3.0) / WINDOW) == tick)
        assert admitted == (used + cost <= LIMIT)


@given(ARRIVALS)
def test_an_anchored_window_is_opened_by_the_first_request_after_another(
    arrivals: list[tuple[float, int]],
) -> None:
    judged = grants(AnchoredWindow(LIMIT, WINDOW), arrivals)
    for index, (now, cost, admitted) in enumerate(judged):
        opened, used = -math.inf, 0
        for when, size in admitted_before(judged, index):
            if when >= opened + WINDOW:
                opened, used = when, 0
            used += size
        used = used if now < opened + WINDOW else 0
        assert admitted == (used + cost <= LIMIT)


@given(ARRIVALS)
def test_a_counter_weighs_the_last_window_by_what_is_still_in_view(arrivals: list[tuple[float, int]]) -> None:
    judged = grants(SlidingCounter(LIMIT, WINDOW), arrivals)
    for index, (now, cost, admitted) in enumerate(judged):
        tick = math.floor(now / WINDOW)
        before = admitted_before(judged, index)
        current, last = (
            sum(size for when, size in before if math.floor(when / WINDOW) == number) for number in (tick, tick - 1)
        )
        in_view = (tick + 1) - now / WINDOW
        assert admitted == (last * in_view + current + cost <= LIMIT + 1e-9)


@given(ARRIVALS)
def test_a_bucket_never_grants_more_than_it_holds_and_drains_in_any_span(arrivals: list[tuple[float, int]]) -> None:
    judged = grants(LeakyBucket(LIMIT, 0.5), arrivals)
    for index, (now, cost, admitted) in enumerate(judged):
        before = [*admitted_before(judged, index), (now, cost)]
        spans = (sum(size for when, size in before if when >= start) - 0.5 * (now - start) for start, _ in before)
        assert admitted == (max(spans) <= LIMIT + 1e-9)


@given(st.lists(st.tuples(st.integers(0, 16), st.integers(1, 40)), min_size=1, max_size=40))
def test_concurrency_counts_each_request_until_its_answer_is_delivered(calls: list[tuple[int, int]]) -> None:
    rule = Concurrency(3)
    under_way: list[float] = []
    now = 0.0
    for gap, length in calls:
        now += gap / 8
        under_way = [end for end in under_way if end > now]
        assert rule.admits(now) == (len(under_way) < 3)
        if len(under_way) < 3:
            rule.take(now, until=now + length / 8)
            under_way.append(now + length / 8)


@pytest.mark.parametrize("kind", KINDS)
@given(arrivals=ARRIVALS, cost=st.integers(1, 2))
def test_nothing_is_granted_before_a_rule_says_it_loosens_and_then_something_is(
    kind: str, arrivals: list[tuple[float, int]], cost: int
) -> None:
    rule = KINDS[kind]()
    grants(rule, arrivals)
    now = arrivals[-1][0]
    for _ in range(20):
        if rule.admits(now, cost):
            break
        loosens = rule.loosens_at(now, cost)
        assert loosens > now
        for share in (0.25, 0.5, 0.99):
            assert not deepcopy(rule).admits(now + share * (loosens - now), cost)
        now = loosens
    else:
        pytest.fail("it never loosens")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("nodes", "penalty")])
@given(arrivals=ARRIVALS)
def test_what_a_rule_says_remains_is_what_it_still_grants(kind: str, arrivals: list[tuple[float, int]]) -> None:
    rule = KINDS[kind]()
    grants(rule, arrivals)
    now = arrivals[-1][0]
    remaining = math.floor(rule.standing(now).remaining + 1e-9)
    for _ in range(remaining):
        assert rule.admits(now)
        rule.take(now)
    assert not rule.admits(now)


@given(ARRIVALS)
def test_a_nodes_copy_is_never_older_than_it_may_be(arrivals: list[tuple[float, int]]) -> None:
    nodes, true = Nodes(SlidingLog(LIMIT, WINDOW), 3, 2.0), SlidingLog(LIMIT, WINDOW)
    told: list[tuple[float, float]] = []
    for when, cost in arrivals:
        for rule in (nodes, true):
            if rule.admits(when, cost):
                rule.take(when, cost)
        told.append((when, true.standing(when).remaining))
        recent = {remaining for at, remaining in told if at > when - 2.0}
        assert nodes.standing(when).remaining in recent


def test_whoever_knocks_at_a_shut_box_waits_anew() -> None:
    box = PenaltyBox(1, 10, 60)
    assert grants(box, [(0, 1), (1, 1), (50, 1), (109, 1), (170, 1)]) == [
        (0, 1, True),
        (1, 1, False),
        (50, 1, False),
        (109, 1, False),
        (170, 1, True),
    ]
