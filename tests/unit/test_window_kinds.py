"""A budget of a window against servers of every kind of window."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from datasync.limits.bucket import Settled
from datasync.limits.ledger import RoundTrip
from datasync.limits.quota import Quota
from datasync.limits.windowed import WindowBucket
from datasync.simulator.rules import AlignedWindow, AnchoredWindow, Rule, SlidingLog

WINDOW = 60.0


def play(bucket: WindowBucket, rule: Rule, seconds: float, way: float = 0.05) -> tuple[list[float], int]:
    """Send one at a time as soon as the bucket allows; give when each was let in, and how many weren't."""
    now, granted, refused = 0.0, list[float](), 0
    while now < seconds:
        delay = bucket.delay(now)
        if delay > 0:
            now += min(delay, seconds) + 1e-6
            continue
        sent = now
        bucket.sent()
        now += way
        admitted = rule.admits(now)
        if admitted:
            rule.take(now)
            granted.append(now)
        standing = rule.standing(now)
        reset = math.ceil(standing.reset)
        now += way
        if admitted:
            quota = Quota(
                limit=standing.limit,
                remaining=standing.remaining,
                reset=(max(0, reset - 1 - 2 * way), reset + 1),
            )
            bucket.answered(Settled(now, sent), quota)
        else:
            refused += 1
            bucket.refused(now, now + reset, 0)
    return granted, refused


def first(rule: Rule) -> WindowBucket:
    standing = rule.standing(0.0)
    return WindowBucket(Quota(limit=standing.limit, remaining=standing.remaining, reset=(59, 61)), RoundTrip())


@pytest.mark.parametrize(
    "kind",
    [
        lambda: SlidingLog(10, WINDOW),
        lambda: AnchoredWindow(10, WINDOW),
        lambda: AlignedWindow(10, WINDOW, offset=31.7),
    ],
)
def test_all_of_a_window_is_used_and_nothing_refused_whichever_kind_it_is(kind: Callable[[], Rule]) -> None:
    rule = kind()
    granted, refused = play(first(rule), rule, 1800)
    assert refused == 0
    assert len(granted) >= 0.98 * 300
