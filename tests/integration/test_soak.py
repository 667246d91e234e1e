"""The soak's verdict: what would be wrong is found, and a short one passes."""

import pytest

from benches.soak import JUDGED_FROM, Sample, Soaked, failures, report, slope, soak
from tests.support import Database, Run

EVENTS = 5_000_000


def soaked(samples: list[Sample], *, events: int = EVENTS, lost: int = 0, code: int = 0) -> Soaked:
    log = '{"event": "for the test", "level": "error", "reseeks": 1}'
    state = {"events_ingested": events, "quarantined": 0, "duplicates": 0}
    stats = {"answers": 1, "chaos": {"500": 1}, "damagedRecords": {}}
    return Soaked(events, samples, Run(code, "", log), 1.0, state, stats, lost)


def line(mb_per_million: float, descriptors: int = 0) -> list[Sample]:
    """A process that begins with 500 MB too much, which is not its later slope."""
    return [Sample(0, 600_000_000, 99)] + [
        Sample(events, int(1e8 + events * mb_per_million), 20 + descriptors * events // EVENTS)
        for events in range(EVENTS // 5, EVENTS + 1, EVENTS // 50)
    ]


def test_the_slope_is_that_of_the_line() -> None:
    assert slope(line(3.0)[1:]) == pytest.approx(3.0, rel=1e-3)


def test_a_run_that_grows_leaks_loses_or_fails_is_told_apart() -> None:
    assert failures(soaked(line(1.0))) == []
    for bad in (
        soaked(line(9.0)),
        soaked(line(1.0, descriptors=30)),
        soaked(line(1.0), lost=1),
        soaked(line(1.0), code=1),
        soaked(line(1.0)[:3]),
    ):
        (found,) = failures(bad)
        assert found in report(bad)
    few = soaked([sample._replace(events=sample.events // 10) for sample in line(9.0)], events=EVENTS // 10)
    assert EVENTS // 10 < JUDGED_FROM
    assert failures(few) == []
    assert "too few events to judge" in report(few)


def test_a_short_soak_through_all_faults_loses_nothing(database: Database, workdir: object) -> None:
    short = soak(database, 20_000, 100, every=0.1)
    assert failures(short) == []
    assert len(short.stats["chaos"]) >= 1
    assert short.state["quarantined"] > 0
    assert short.state["events_ingested"] + short.state["quarantined"] == 20_000
