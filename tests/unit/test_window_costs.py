"""A budget of a window where requests count more than one."""

from __future__ import annotations

import pytest

from datasync.limits.bucket import Settled
from datasync.limits.ledger import RoundTrip
from datasync.limits.quota import Quota
from datasync.limits.windowed import WindowBucket
from tests.unit.test_window_bucket import Asked


def test_an_error_that_counted_double_is_expected_to_do_so_again_for_a_while() -> None:
    asked = Asked()
    asked.answer(7, failed=True)
    assert asked.bucket._ledger.most == 2
    asked = Asked()
    asked.answer(7)
    assert asked.bucket._ledger.most == 1, "others may have done it"


def test_a_refusal_with_something_left_was_of_a_request_that_costs_more_than_that() -> None:
    asked = Asked()
    asked.bucket.sent()
    asked.bucket.refused(asked.now, asked.now + 5, 1.0)
    assert asked.bucket._ledger.most == 2


def test_what_a_request_costs_is_what_is_less_after_it() -> None:
    bucket = WindowBucket(Quota(unit="tokens", limit=1000, remaining=1000, window=60), RoundTrip())
    now = 0.0
    for left in (960, 920, 880):
        bucket.sent()
        bucket.answered(Settled(now, now), Quota(unit="tokens", limit=1000, remaining=left, window=60))
    assert bucket._ledger.used(now) == pytest.approx(120, abs=4)
    assert bucket._ledger.most == pytest.approx(40, abs=2)
    assert bucket.utilisation() is None
