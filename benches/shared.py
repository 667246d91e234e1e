"""A17: four processes on one key and one budget, one of them killed while it holds leases.

Real processes, a real PostgreSQL, and the simulated API with a sliding limit over sockets. Everything is judged by the
API's own log of what it served; what the processes think doesn't count. `python -m benches.shared` plays it three times
and keeps the worst of each figure for `make bench-limits`.
"""

import asyncio
import json
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import msgspec

from benches.limits import SHARED_BUDGET
from datasync.simulator import Served, SimulatorOptions, SimulatorProcess
from datasync.testing import EmbeddedPostgres
from tests.shared_worker import Orders

ROOT = Path(__file__).parents[1]
PROCESSES = 4
MAX_SLOTS = 42
WINDOW = 1.5
RATE = "14/1.5"
"""Of the list; the metrics, which are asked for, have three times as much."""
KILL_AFTER = 2.0
"""Seconds after the first request."""
WINDOWS = 8
"""Judged, after the first."""
API_KEY = "shared-key"
ROUNDS = 3


class SharedFigures(msgspec.Struct, frozen=True):
    """What the API's log says.

    Attributes:
        refusals: answers with status 429.
        utilisation: requests served after the first window, of those that the limit allows in that time.
        jain: fairness among the survivors; 1 is even.
        recovery: windows from the kill until the first moment from which one round of the slots, a window and its 50th
            part for the way there and back, sees 95 % of the limit.
        held_at_death: slots that the killed process held.
        lease: windows from the kill until they counted as used; one window later they can be used again.
        served: requests after the first window of each process, the killed one first.
    """

    refusals: int
    utilisation: float
    jain: float
    recovery: float
    held_at_death: int
    lease: float
    served: Sequence[int]


def measure_shared(dsn: str | None = None) -> SharedFigures:
    """Play A17 for about 16 s, in the database at `dsn` or an embedded one."""
    with ExitStack() as stack:
        if dsn is None:
            dsn = stack.enter_context(EmbeddedPostgres()).dsn
        options = SimulatorOptions(count=1_000, api_key=API_KEY, rate_limit=RATE)
        api = stack.enter_context(SimulatorProcess(options))
        names = [f"process-{n}" for n in range(PROCESSES)]
        workers = [stack.enter_context(_worker(name, dsn, api.base_url)) for name in names]
        holders = [_line(worker) for worker in workers]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(b"go\n")
            worker.stdin.flush()
        first = _first(api)
        killed, held, ends = asyncio.run(_kill(workers[0], holders[0], dsn, first + KILL_AFTER))
        time.sleep(max(0.0, first + (1 + WINDOWS) * WINDOW - time.time()))
        assert all(worker.poll() is None for worker in workers[1:]), "the survivors work to the end"
        return _figures(api.served(), names, first, killed, held, ends)


@contextmanager
def _worker(name: str, dsn: str, base_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    orders = Orders(name, dsn, base_url, API_KEY, MAX_SLOTS, WINDOW)
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.shared_worker"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert worker.stdin is not None
        worker.stdin.write(msgspec.json.encode(orders) + b"\n")
        worker.stdin.flush()
        yield worker
    finally:
        worker.kill()
        worker.communicate()


def _line(worker: "subprocess.Popen[bytes]") -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().decode().strip()


def _first(api: SimulatorProcess) -> float:
    deadline = time.monotonic() + 30
    while not (served := api.served()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return served[0].time


async def _kill(
    worker: "subprocess.Popen[bytes]", holder: str, dsn: str, not_before: float
) -> tuple[float, int, float]:
    """Kill a process at a moment when it holds slots; give that moment, what it held, and when its lease ends."""
    connection = await asyncpg.connect(dsn)
    try:
        await asyncio.sleep(not_before - time.time())
        deadline = time.monotonic() + WINDOW
        while not (await _lease(connection, holder))[0]:
            assert time.monotonic() < deadline
        worker.kill()
        return time.time(), *await _lease(connection, holder)
    finally:
        await connection.close()


async def _lease(connection: "asyncpg.Connection[asyncpg.Record]", holder: str) -> tuple[int, float]:
    row = await connection.fetchrow(_LEASE, holder)
    return (row["held"], row["ends"]) if row else (0, 0.0)


_LEASE = """
SELECT held, ends FROM datasync_budget, jsonb_to_recordset(holders) AS h(id text, held int, ends float8) WHERE id = $1
"""


def _figures(
    log: Sequence[Served], names: Sequence[str], first: float, killed: float, held: int, ends: float
) -> SharedFigures:
    begin, end = first + WINDOW, first + (1 + WINDOWS) * WINDOW
    good = [entry for entry in log if entry.status == 200]
    counts = Counter(entry.cursor for entry in good if begin <= entry.time < end)
    served = [counts[name] for name in names]
    survivors = served[1:]
    times = [entry.time for entry in good]

    def full(since: float) -> bool:
        return bisect_right(times, since + 1.02 * WINDOW) - bisect_right(times, since) >= 0.95 * MAX_SLOTS

    recovered = min((at for at in (killed, *times) if at >= killed and full(at)), default=float("inf"))
    return SharedFigures(
        refusals=sum(1 for entry in log if entry.status == 429),
        utilisation=sum(served) / (MAX_SLOTS * WINDOWS),
        jain=sum(survivors) ** 2 / (len(survivors) * sum(share**2 for share in survivors)),
        recovery=(recovered - killed) / WINDOW,
        held_at_death=held,
        lease=(ends - killed) / WINDOW,
        served=served,
    )


def main() -> None:
    """Measure, and write the row of A17."""
    rounds = [measure_shared() for _ in range(ROUNDS)]
    utilisation = min(figures.utilisation for figures in rounds)
    refusals = max(figures.refusals for figures in rounds)
    jain = min(figures.jain for figures in rounds)
    recovery = max(figures.recovery for figures in rounds)
    lease = max(figures.lease for figures in rounds)
    row = {
        "utilisation": f"{100 * utilisation:.1f} %",
        "refusals": refusals,
        "recovery, s": f"{recovery * WINDOW:.1f}",
        "judged by": f"utilisation {utilisation:.3f} (≥ 0.97); refusals {refusals} (0); Jain {jain:.3f} (≥ 0.99); "
        f"recovery {recovery:.2f} windows (≤ 1); lease over after {lease:.2f} windows (≤ 1)",
        "passed": utilisation >= 0.97 and refusals == 0 and jain >= 0.99 and max(recovery, lease) <= 1,
    }
    SHARED_BUDGET.write_text(json.dumps(row, indent=2, ensure_ascii=False) + "\n")
    print(SHARED_BUDGET.read_text())


if __name__ == "__main__":
    main()
