"""A18 to A21: what a limit signal looks like, and headers that nobody should believe."""

from __future__ import annotations

import json
from collections.abc import Mapping

from datasync.simulator.dialects import ENCODINGS, Headers, datasync, nothing, trio
from datasync.simulator.dialects import Told as Telling
from datasync.simulator.hostile import HOSTILE, Hostile
from datasync.simulator.rules import AnchoredWindow, Concurrency, PenaltyBox, Rule, SlidingLog
from datasync.simulator.virtual.api import Api, Fate
from datasync.simulator.virtual.outcome import Outcome
from datasync.simulator.virtual.scenario import (
    Bar,
    Outcomes,
    Scenario,
    Told,
    Variant,
    at_least,
    limited,
    one,
    worst,
)
from datasync.simulator.virtual.trace import Trip

_SHUT = 60.0

_MOST = 901.0
"""Seconds. No header may ask for more than a quarter of an hour at once; a longer one ends the run instead."""

#: Name: status, headers, body of the signal, and the status of a failure that is none.
SIGNALS: dict[str, tuple[int, Mapping[str, str], bytes, int]] = {
    "403": (
        403,
        {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "0"},
        b'{"message": "API rate limit exceeded for user ID 1."}',
        403,
    ),
    "400 with a code": (400, {}, b'{"errors": [{"extensions": {"code": "RATELIMITED"}}]}', 400),
    "200 with a body": (
        200,
        {},
        b'{"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}',
        404,
    ),
    "529": (529, {"retry-after": "5"}, b'{"code": "rate_limited"}', 500),
    "HTML 429": (
        429,
        {"content-type": "text/html"},
        b"<html><head><title>429 Too Many Requests</title></head></html>",
        502,
    ),
}


def _github(_: int) -> Api:
    first = True

    def refuse(name: str) -> tuple[int, Mapping[str, str], bytes]:
        nonlocal first
        blank, first = first, False
        if name != "secondary":
            return 403, {}, b'{"message": "API rate limit exceeded for user ID 1."}'
        body = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
        return 403, {"retry-after": "" if blank else f"{_SHUT:.0f}"}, json.dumps(body).encode()

    rules: dict[str, Rule] = {"core": AnchoredWindow(5000, 3600), "secondary": PenaltyBox(900, 60, _SHUT)}
    return Api({"": rules}, trio(ENCODINGS["epoch s"]), silent=frozenset({"secondary"}), refuse=refuse)


def _knocks(run: Outcome) -> float:
    """Count the requests that were sent within a minute after a refusal was known."""
    known = [a.answered for a in run.attempts if a.refused and a.answered is not None]
    # A second is left for the way: the minute began as the refusal was written.
    return sum(any(when <= attempt.sent < when + _SHUT - 1 for when in known) for attempt in run.attempts)


def _capped(_: int) -> Api:
    def refuse(name: str) -> tuple[int, Mapping[str, str], bytes]:
        if name != "at a time":
            return 429, {}, b"{}"
        body = {"error": {"code": "rate_limit", "message": "Too many concurrent requests"}}
        return 429, {"Stripe-Rate-Limited-Reason": "global-concurrency"}, json.dumps(body).encode()

    rules: dict[str, Rule] = {"requests": SlidingLog(3000, 60), "at a time": Concurrency(5)}
    return Api({"": rules}, datasync, silent=frozenset({"at a time"}), refuse=refuse)


def _signalled(signal: str) -> Variant:
    status, headers, body, failure = SIGNALS[signal]

    def fate(_: float, trip: Trip) -> Fate:
        return Fate(status=failure if trip.luck < 0.1 else 200)

    return Variant(
        lambda _: Api(limited(SlidingLog(10, 60)), nothing, refuse=lambda _: (status, headers, body), fate=fate)
    )


def _told_apart(runs: Outcomes) -> float:
    """Count the signals that came, and of which every answer was taken for what it was."""
    wrong = {
        signal
        for (signal, _), run in runs.items()
        for attempt in run.attempts
        if attempt.answered is not None and attempt.taken_for_refusal != attempt.refused
    }
    return len({signal for (signal, _), run in runs.items() if run.refusals} - wrong)


def _hostile(kind: Hostile) -> Variant:
    def dialect(told: Telling) -> Headers:
        return {**kind.always, **(kind.refusal if told.refused else {})}

    return Variant(lambda _: Api(limited(SlidingLog(10, 60)), dialect))


def _survived(run: Outcome) -> bool:
    """No crash, no wait beyond a quarter of an hour, no hot loop; and it went on, or paused and said until when."""
    goes_on = run.sent_between(run.duration / 2) > 0 or (bool(run.errors) and run.resumes_at is not None)
    calm = run.refusals <= run.duration  # one a second
    return not run.crashes and run.longest_wait <= _MOST and calm and goes_on


SCENARIOS = (
    Scenario(
        key="A18",
        does="GitHub: the core limit is fine, a secondary one answers 403 without headers, Retry-After blank at first",
        ideal="0 sent within 60 s of a refusal",
        variants=one(_github),
        duration=600,
        told=Told(900, 60),
        bars=(worst("sent while shut out", _knocks, 0), worst("crashes", lambda run: len(run.crashes), 0)),
    ),
    Scenario(
        key="A19",
        does="5 at a time (429 with the reason), and a generous rate",
        ideal="≤ 5 in flight, ≥ 97 %",
        variants=one(_capped),
        duration=1200,
        out=(0.001, 0.003),
        back=(0.3, 0.6),
        told=Told(3000, 60),
        bars=(worst("in flight (95 %)", lambda run: run.in_flight(60), 5), at_least(0.97)),
    ),
    Scenario(
        key="A20",
        does="the signal is a 403, a 400 code, a 200 body, a 529, an HTML 429",
        ideal="5 of 5 told apart",
        variants={name: _signalled(name) for name in SIGNALS},
        duration=600,
        utilised=False,
        bars=(Bar("told apart", _told_apart, least=len(SIGNALS)),),
    ),
    Scenario(
        key="A21",
        does=f"hostile headers of {len(HOSTILE)} kinds",
        ideal="all survived",
        variants={kind.name: _hostile(kind) for kind in HOSTILE},
        duration=1800,
        utilised=False,
        bars=(
            Bar("survived", lambda runs: sum(map(_survived, runs.values())) / len(runs), least=1.0, percent=True),
            worst("longest wait, s", lambda run: run.longest_wait, _MOST),
            worst("crashes", lambda run: len(run.crashes), 0),
        ),
    ),
)
