"""The command `simulate`: every option of the simulated API is one of its flags."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from datasync.cli.simulate import simulate
from datasync.simulator.options import SimulatorOptions


def test_every_option_has_a_flag_with_the_same_default() -> None:
    flags = {flag.name: flag for flag in simulate.params}
    assert set(flags) == {*SimulatorOptions.__struct_fields__, "zoo"}
    defaults = msgspec.structs.asdict(SimulatorOptions())
    context = simulate.make_context("simulate", [])
    different = {name for name, default in defaults.items() if str(context.params[name]) != str(default)}
    # A person wants a port to type, a test one that is free.
    assert different == {"port"}


def test_every_flag_has_a_help_text() -> None:
    assert all(getattr(flag, "help", None) for flag in simulate.params)


NO_NUMBERS = [
    [option, value]
    for option in ("--latency", "--slow-seconds", "--cursor-ttl", "--token-ttl", "--late-per-second")
    for value in ("nan", "inf")
]


@pytest.mark.parametrize(
    "arguments", [["--chaos", "nonsense=1"], ["--rate-limit", "0/1"], ["--latency", "-1"], *NO_NUMBERS]
)
def test_nonsense_is_refused_with_its_reason(arguments: list[str]) -> None:
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert arguments[0].removeprefix("--").split("-")[0] in result.output or "seconds" in result.output


def test_command_says_where_it_listens_and_ends_on_interrupt(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = ["--port", "0", "--count", "10", "--ready-file", str(ready)]
    with subprocess.Popen(
        [sys.executable, "-m", "datasync.simulator", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        try:
            url = line.removeprefix("listening on ")
            assert ready.read_text() == f"{url}\n"
            answer = httpx.get(f"{url}/events", headers={"X-API-Key": "demo-key"}, trust_env=False)
            assert answer.json()["meta"]["returned"] == 10
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


def test_a_zoo_lists_its_species_and_sets_what_they_want(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ready = tmp_path / "ready"
    arguments = ["--zoo", "--port", "0", "--count", "7", "--exit-with-stdin", "--ready-file", str(ready)]
    with subprocess.Popen(
        [sys.executable, "-m", "datasync.simulator", *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip()]
        while not lines[-1].startswith("export ZOO_SIGNING_KEY="):
            lines.append(process.stdout.readline().rstrip())
        variables = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        assert ready.read_text().strip() == lines[0].removeprefix("listening on ") == variables["ZOO"]
        (url,) = [line.split()[2] for line in lines if line.startswith("offset_bare ")]
        answer = httpx.get(url, headers={"X-API-Key": variables["ZOO_KEY"]}, trust_env=False)
        assert len(answer.json()) == 7
        process.stdin.close()
        assert process.wait(5) == 0


def test_a_zoo_refuses_what_it_does_not_know() -> None:
    result = CliRunner().invoke(simulate, ["--zoo", "--chaos", "500=1", "--gzip"])
    assert result.exit_code == 2
    assert "--chaos, --gzip" in result.output
