"""Measures two ways of doing one job side by side: they take turns, and the ratio is the median over the rounds."""

import statistics
from collections.abc import Callable
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture


def paired(
    benchmark: BenchmarkFixture,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    *,
    name: str,
    timer: Callable[[], float],
    rounds: int,
    reset: Callable[[], Any] = lambda: None,
) -> None:
    """Measure `ours` with pytest-benchmark and `theirs` before each round; call `reset` before each of both.

    Leaves in `benchmark.extra_info`: `ratio` (theirs / ours, the larger the better for us), `ratio_name`, and in
    seconds `ours_median` and `theirs_median`.
    """
    peer: list[float] = []

    def setup() -> None:
        reset()
        began = timer()
        theirs()
        peer.append(timer() - began)
        reset()

    benchmark.pedantic(ours, setup=setup, rounds=rounds)  # type: ignore[no-untyped-call]  # the library has no type here
    assert benchmark.stats is not None
    data = benchmark.stats.stats.data
    benchmark.extra_info["ratio_name"] = name
    benchmark.extra_info["ratio"] = statistics.median(theirs / ours for theirs, ours in zip(peer, data, strict=True))
    benchmark.extra_info["ours_median"] = statistics.median(data)
    benchmark.extra_info["theirs_median"] = statistics.median(peer)
