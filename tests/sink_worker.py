"""A process that commits batches until it is killed. It makes a new one of itself for each try, which costs no start.

Each line of stdin is a try: how many batches to commit before the last one, how many seconds after the first one to
kill, and failpoints. It is answered by the exit code, -9 where it was killed.
"""

import asyncio
import importlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from datasync import failpoints
from datasync.model import Batch, Checkpoint
from tests.sinks import Kind, page, reject

ROWS: Final = 10


def ids(number: int) -> list[str]:
    """Of the rows that only this batch has."""
    return [f"{number:05}-{row}" for row in range(ROWS)]


def batch(number: int, mode: str, *, last: bool) -> Batch:
    """A batch with a reject in it, and where keys are told with a row of the batch before."""
    again = ids(number - 1)[-1:] if number and mode != "append" else []
    chunks = [page(*again, *ids(number)[:4]), page(*ids(number)[4:], rejects=[reject(b"%d" % number)])]
    total = (number + 1) * (ROWS + 1) if last else None
    return Batch(chunks, Checkpoint(f"at-{number}", None, number + 1, 0, total, complete=last))


async def commit(kind: Kind, mode: str, count: int, begun: int) -> None:
    """Go on from the checkpoint. Close `begun` after the first batch."""
    sink = kind.sink(mode=mode)
    try:
        await sink.connect()
        (state,) = await sink.open()
        first = state.checkpoint.pages
        for number in range(first, first + count + 1):
            done = await sink.commit(batch(number, mode, last=number == first + count))
            if number == first:
                os.close(begun)
        assert done.complete, done
    finally:
        await sink.close()


def main(name: str, folder: str, mode: str) -> None:
    """Do what stdin says."""
    kind = Kind(name, Path(folder))
    if library := {"parquet": "pyarrow.parquet", "duckdb": "duckdb"}.get(name):
        importlib.import_module(library)  # once, and not in each try, which might end before it is done
    for line in sys.stdin:
        count, seconds, armed = line.rstrip("\n").split(" ", 2)
        watched, begun = os.pipe()
        child = os.fork()
        if not child:
            failpoints.arm(armed)
            asyncio.run(commit(kind, mode, int(count), begun))
            os._exit(0)
        os.close(begun)
        os.read(watched, 1)  # nothing comes, until it is closed
        os.close(watched)
        deadline = time.monotonic() + float(seconds)
        ended = 0
        while not ended:
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended and time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)  # it wasn't waited for, so its number is still its own
                _, status = os.waitpid(child, 0)
                break
            time.sleep(0.001)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
