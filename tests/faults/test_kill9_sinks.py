"""Whenever a run is killed, the next ones leave every row and every reject there exactly once."""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sink_worker import ids
from tests.sinks import LOCAL, Kind

Try = Callable[..., int]
ROOT = Path(__file__).parents[2]
POINTS = ("copy_done", "quarantine_written", "upsert_done", "checkpoint_written", "before_commit", "after_commit")
"""Passed by every batch of every kind."""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[str, str], Try]]:
    with ExitStack() as stack:

        def start(kind: str, mode: str) -> Try:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.sink_worker", kind, str(tmp_path), mode],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)

            def once(count: int, seconds: float = 60, armed: str = "") -> int:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(f"{count} {seconds} {armed}\n")
                process.stdin.flush()
                return int(process.stdout.readline())

            return once

        yield start


def whole(kind: Kind, mode: str) -> None:
    """Every row and every reject up to the checkpoint is there once."""
    (state,) = kind.connected(mode=mode)
    assert state.checkpoint.complete
    pages = state.checkpoint.pages
    assert kind.ids() == [key for number in range(pages) for key in ids(number)]
    assert sorted(raw for _, raw in kind.rejects()) == sorted(b"%d" % number for number in range(pages))


# Where keys are told, what is stored twice is absorbed: `append` shows whether it is.
@pytest.mark.parametrize("mode", ["append", "merge"])
@pytest.mark.parametrize("name", LOCAL)
def test_every_row_is_there_once_however_often_a_run_is_killed(
    worker: Callable[[str, str], Try], tmp_path: Path, name: str, mode: str
) -> None:
    attempt = worker(name, mode)
    for point in POINTS:
        assert attempt(1000, armed=f"{point}=kill@2") == -9, point
    chance = random.Random(f"{name} {mode}")
    for _ in range(8 if mode == "append" else 3):
        assert attempt(1000, chance.uniform(0, 0.03)) == -9
    assert attempt(1000, armed="mid_copy=kill@2" if name == "parquet" else "before_commit=kill") == -9
    assert attempt(0, armed="final_reconcile=kill") == -9
    assert attempt(2) == 0
    whole(Kind(name, tmp_path), mode)


@pytest.mark.parametrize("name", LOCAL)
def test_rows_that_replace_others_take_their_place_though_the_run_was_killed_before(
    worker: Callable[[str, str], Try], tmp_path: Path, name: str
) -> None:
    attempt = worker(name, "replace")
    kind = Kind(name, tmp_path)
    assert attempt(2, armed="after_commit=kill@2") == -9
    assert kind.connected(mode="replace")[0].checkpoint.pages == 2
    assert attempt(0, armed="after_commit=kill") == -9
    whole(kind, "replace")


def test_a_folder_is_replaced_though_the_run_was_killed_between_two_renames(
    worker: Callable[[str, str], Try], tmp_path: Path
) -> None:
    kind = Kind("parquet", tmp_path)
    live, home = tmp_path / "ingested_events", tmp_path / "ingested_events.datasync"
    assert worker("parquet", "replace")(2, armed="after_commit=kill@3") == -9
    live.mkdir()
    (live / "part-000001.parquet").write_bytes(b"what was there before")
    live.rename(home / "old")
    whole(kind, "replace")
    assert sorted(path.name for path in home.iterdir()) == ["state.sqlite"]
