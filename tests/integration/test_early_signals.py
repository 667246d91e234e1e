"""Signals that come before there is a run to stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from datasync.cli.group import PluginGroup
from tests.support import kept

pytestmark = pytest.mark.usefixtures("workdir", "heard")


@pytest.fixture
def heard() -> Iterator[None]:
    """SIGINT ends processes that are started, though it is ignored where a shell began us in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.fault(58)
@pytest.mark.parametrize(
    ("number", "codes"),
    [(signal.SIGINT, {130, -signal.SIGINT}), (signal.SIGTERM, {143, -signal.SIGTERM})],
    ids=["SIGINT", "SIGTERM"],
)
@pytest.mark.parametrize("imported", ["click.core", "datasync.cli.lazy", "datasync.config", "asyncpg", None])
def test_a_signal_at_any_moment_of_the_start_ends_the_command_without_a_traceback(
    workdir: Path, imported: str | None, number: signal.Signals, codes: set[int]
) -> None:
    # Nobody writes into the pipe that is the configuration: no run begins.
    os.mkfifo(workdir / "datasync.toml")
    command = [sys.executable, "-X", "importtime", "-m", "datasync", "ingest", "--config", "datasync.toml"]
    process = subprocess.Popen(command, env=kept(), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = [""]
    while imported is not None and said[-1].rpartition("|")[2].strip() != imported:
        said.append(process.stderr.readline())
        assert said[-1], f"never imported: {imported}"
    # Where everything is imported, the other end of the pipe is there as soon as the command reads from it.
    pipe = os.open(workdir / "datasync.toml", os.O_WRONLY) if imported is None else None
    process.send_signal(number)
    try:
        _, rest = process.communicate(timeout=60)
    finally:
        process.kill()
        if pipe is not None:
            os.close(pipe)
    assert process.returncode in codes, rest
    assert "Traceback" not in rest
    assert "Aborted" not in rest


def test_ctrl_c_while_a_command_is_looked_for_ends_it_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    group = PluginGroup("datasync", lazy={})
    monkeypatch.setattr(group, "resolve_command", interrupted)
    with pytest.raises(SystemExit) as end:
        group.main(["ingest"])
    assert end.value.code == 130


def test_signals_are_left_alone_but_by_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    group = PluginGroup("datasync", lazy={})
    group.add_command(click.Command("nothing", callback=lambda: None))
    group.main(["nothing"], standalone_mode=False)
    assert signal.getsignal(signal.SIGINT) is before
