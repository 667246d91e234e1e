"""`make bench-limits`: plays the scenarios A1 to A30 and writes `LIMITS.md` beside this file.

Everything happens in virtual time (`datasync.simulator.virtual`), so the figures depend on the seeds and not on the
machine. Utilisation is units let in, divided by those of an omniscient client on the same delays; pace is that
client's time to as many grants, divided by ours. Every figure is the worst of all variants and seeds.
"""

import json
import logging
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from benches.contestants import OTHERS, OURS, Contestant
from benches.run import machine
from datasync.simulator.virtual.scenario import Bar, Outcomes, Scenario
from datasync.simulator.virtual.scenarios import SCENARIOS

LIMITS = Path(__file__).parent / "LIMITS.md"
SEEDS = (1, 2, 3)

NONE = "-"
"""Stands where there is nothing to tell."""

SHARED_BUDGET = Path(__file__).parent / "shared-budget.json"
"""What the bench of A17 measured, which needs processes and a database: the cells of its row by name, and `passed`."""

_OURS_HEAD = (
    "| # | the API | utilisation | pace | lossless | refusals | per 1,000 | recovery, s | ideal | judged by | |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)
_ALL_HEAD = (
    "| # | limiter | utilisation | pace | refusals | per 1,000 | recovery, s | |",
    "|---|---|---|---|---|---|---|---|",
)


def play(scenario: Scenario, contestant: Contestant, seeds: Sequence[int] = SEEDS) -> Outcomes:
    """Play every variant; ours tells refusals from answers itself, the others are told."""
    return scenario.play(contestant.make(scenario.told), seeds=seeds, classify=contestant.classify)


def verdict(scenario: Scenario, runs: Outcomes) -> tuple[str, bool]:
    """Say what was measured by each bar, and whether all hold."""
    values = [(bar, bar.measure(runs)) for bar in scenario.bars]
    said = "; ".join(f"{bar.name} {_figure(bar, value)} ({_bound(bar)})" for bar, value in values)
    return said, all(bar.holds(value) for bar, value in values)


def figures(scenario: Scenario, runs: Outcomes) -> list[str]:
    """Give utilisation, pace, refusals, refusals per 1,000 and recovery, the worst of each."""
    outcomes = list(runs.values())
    worst = [max(times) for times in zip(*map(scenario.recovery, outcomes), strict=True)] if scenario.recovery else []
    return [
        _percent(min(run.utilisation for run in outcomes)) if scenario.utilised else NONE,
        _percent(min(run.pace for run in outcomes)) if scenario.utilised else NONE,
        str(max(run.refusals for run in outcomes)),
        f"{max(run.per_thousand for run in outcomes):.1f}",
        ", ".join(_seconds(seconds) for seconds in worst) or NONE,
    ]


def ours(keys: Iterable[str]) -> tuple[list[str], int]:
    """Give the rows of our limiter, and how many scenarios failed."""
    rows, failed = [], 0
    for key in keys:
        if key == "A17":
            rows.append(shared_budget())
            continue
        scenario = SCENARIOS[key]
        runs = play(scenario, OURS)
        said, passed = verdict(scenario, runs)
        failed += not passed
        share, pace, *rest = figures(scenario, runs)
        ceiling = _percent(scenario.lossless) if scenario.lossless and scenario.utilised else NONE
        cells = [
            key,
            scenario.does,
            share,
            pace,
            ceiling,
            *rest,
            scenario.ideal,
            said,
            "pass" if passed else "**fail**",
        ]
        rows.append(_row(cells))
        print(rows[-1], flush=True)
    return rows, failed


def shared_budget() -> str:
    """Give the row of A17, as its own bench measured it."""
    told = json.loads(SHARED_BUDGET.read_text()) if SHARED_BUDGET.exists() else {}
    names = ("utilisation", "pace", "lossless", "refusals", "per 1,000", "recovery, s")
    cells = [str(told.get(name, NONE)) for name in names]
    judged = told.get("judged by", "its own bench, not run")
    passed = {True: "pass", False: "**fail**", None: NONE}[told.get("passed")]
    ideal = "≥ 97 %, 0, Jain ≥ 0.99, ≤ 1 window"
    return _row(["A17", "four processes on one key, one killed while it holds leases", *cells, ideal, judged, passed])


def compared(keys: Iterable[str]) -> list[str]:
    """Give the rows of all limiters, where they are compared."""
    rows = []
    for key in keys:
        scenario = SCENARIOS.get(key)
        if not scenario or not scenario.compared:
            continue
        for contestant in (OURS, *OTHERS):
            runs = play(scenario, contestant)
            passed = verdict(scenario, runs)[1]
            name = f"**{contestant.name}**" if contestant is OURS else contestant.name
            rows.append(_row([key, name, *figures(scenario, runs), "pass" if passed else "fail"]))
            print(rows[-1], flush=True)
    return rows


def document(rows: Sequence[str], all_rows: Sequence[str]) -> str:
    """The document."""
    return "\n".join(
        [
            "# Limits",
            "",
            "Written by `make bench-limits`. Method: limiters drive simulated APIs in virtual time. A worker asks the",
            "limiter, sends, and tells it the answer; the API judges each request as it arrives, by its clock. Round",
            "trips take 0.15 to 0.45 s unless the scenario says otherwise; both ways vary independently.",
            "",
            "* utilisation: units let in, divided by those of an omniscient client with the same delays",
            "* pace: that client's time to as many grants, divided by ours; it isn't rounded to whole windows",
            "* lossless: W/(W+J), the share that is left where delays are unknown and no refusal is risked",
            "* per 1,000: refusals for 1,000 let in",
            f"* every figure is the worst of all variants of a scenario and the seeds {', '.join(map(str, SEEDS))}",
            "* A17 alone is real: processes, a database, sockets and wall time, as benches/shared.py says",
            "* the two libraries are configured with the true limit of the beginning; the seed's rules read headers",
            "",
            f"* date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            *machine("aiolimiter", "pyrate-limiter"),
            "",
            *_OURS_HEAD,
            *rows,
            "",
            "Judged by the same bars:",
            "",
            *_ALL_HEAD,
            *all_rows,
            "",
        ]
    )


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _seconds(seconds: float) -> str:
    return "never" if math.isinf(seconds) else f"{seconds:.1f}"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.2f}".rstrip("0").rstrip(".")


def _figure(bar: Bar, value: float) -> str:
    return _percent(value) if bar.percent else _number(value)


def _bound(bar: Bar) -> str:
    bounds = [("≥", bar.least), ("≤", bar.most)]
    return " ".join(f"{sign} {_figure(bar, bound)}" for sign, bound in bounds if not math.isinf(bound))


def main(arguments: Sequence[str]) -> int:
    """Play the scenarios that are named, or all and write the document; 1 where ours failed one."""
    # A wait is worth a line where time is real.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    keys = arguments or [f"A{number}" for number in range(1, 31)]
    rows, failed = ours(keys)
    all_rows = compared(keys)
    if not arguments:
        LIMITS.write_text(document(rows, all_rows))
    print(f"{failed} of {len(keys)} scenarios failed")
    return min(1, failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
