"""The Rust core without Python: how far from the bounds of any walk it is, and what one timestamp takes.

Runs the examples `throughput` and `timestamps` of rust/core, and takes their figures over. The value of ciso8601 beside
them has a Python call in it, which is given, too: that of a method that does next to nothing.
"""

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import ciso8601
from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).parents[1]
VALUES = [f"2026-01-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:{i * 7 % 60:02}.{i % 1000:03}Z" for i in range(10_000)]
ROUNDS = 31


def example(name: str) -> list[list[str]]:
    """The lines that an example prints, taken apart."""
    command = ["cargo", "run", "--quiet", "--locked", "--release", "--package", "datasync-core", "--example", name]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in printed.splitlines()]


def nanoseconds(function: Callable[[str], object]) -> float:
    """The median time of one call over all values."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        for value in VALUES:
            function(value)
        times.append((time.perf_counter_ns() - began) / len(VALUES))
    return statistics.median(times)


def test_walk_and_bounds(benchmark: BenchmarkFixture) -> None:
    """One page of 1.73 MB, on one core."""
    lines = benchmark.pedantic(example, args=("throughput",), rounds=1)  # type: ignore[no-untyped-call]  # the library has no type here
    benchmark.extra_info["figures"] = [
        (f"{name}, page of 1.73 MB, no Python", f"{median} ms, {rate} GB/s") for name, _, median, rate in lines
    ]


def test_one_timestamp(benchmark: BenchmarkFixture) -> None:
    """In Rust, beside ciso8601."""
    lines = benchmark.pedantic(example, args=("timestamps",), rounds=1)  # type: ignore[no-untyped-call]  # the library has no type here
    figures = [(f"timestamp `{form}` in Rust", f"{median} ns") for form, median in lines]
    figures.append((f"`{VALUES[0]}` by ciso8601 from Python", f"{nanoseconds(ciso8601.parse_datetime):.1f} ns"))
    figures.append(("the same loop calling `str.isascii`", f"{nanoseconds(str.isascii):.1f} ns"))
    benchmark.extra_info["figures"] = figures
