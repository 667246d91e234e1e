"""(c) Ten thousand timestamps in a list, from Python: `normalize_timestamps` against the standard library and ciso8601.

Ours makes int64 microseconds, as the encoder needs them; theirs make datetimes in a list, as there is no other form.
Ours also refuses what isn't one instant, and counts how values were written.
"""

import time
from collections.abc import Callable
from datetime import datetime

import ciso8601
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.pairs import paired
from datasync import normalize_timestamps

CLOCKS = [f"2026-01-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:{i * 7 % 60:02}" for i in range(10_000)]
FORMS: dict[str, Callable[[str, int], str]] = {
    "Z": lambda clock, _: f"{clock}Z",
    ".123Z": lambda clock, i: f"{clock}.{i % 1000:03}Z",
    ".123456+00:00": lambda clock, i: f"{clock}.{i * 97 % 1_000_000:06}+00:00",
}
PEERS: dict[str, Callable[[list[str]], list[datetime]]] = {
    "datetime.fromisoformat": lambda values: [datetime.fromisoformat(value) for value in values],
    "datetime.fromisoformat, looked up once": lambda values: list(map(datetime.fromisoformat, values)),
    "ciso8601": lambda values: [ciso8601.parse_datetime(value) for value in values],
}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("form", FORMS)
def test_list_of_timestamps(benchmark: BenchmarkFixture, form: str, peer: str) -> None:
    """One form, one peer."""
    values = [FORMS[form](clock, i) for i, clock in enumerate(CLOCKS)]
    parse = PEERS[peer]
    paired(
        benchmark,
        lambda: normalize_timestamps(values),
        lambda: parse(values),
        name=f"10,000 timestamps ..{form}, wall: {peer} / datasync",
        timer=time.perf_counter,
        rounds=100,
    )
